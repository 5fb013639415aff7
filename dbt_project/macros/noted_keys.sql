{#
    The keys that tests look at (keys_to_test.sql), noted beside each mart before its tests run, and
    the loads that count as tested when they have. Nothing here is a source: no model is built from it.
#}

{% macro create_noted_keys(mart) -%}
    create unlogged table if not exists {{ noted_table(mart.name, rows_to_test()) }} as
    select
        rows.{{ mart.config.unique_key }} as key,
        null::bigint as load_id,
        null::integer as generation,
        null::timestamptz as written_at
    from marts.{{ mart.name }} as rows
    with no data
{%- endmacro %}

{# Run start. Behind loads: a mart of an earlier version has no table of keys yet. Otherwise: the keys
   of the slice, or all, of the marts whose tests have been selected. #}
{% macro prepare_keys() %}
    {%- if execute and flags.WHICH in ['build', 'run', 'test'] %}
    {%- if rows_to_test() not in ['loads', 'all'] and rows_to_test() | int not in range(1, 31) %}
        {%- do exceptions.raise_compiler_error('FASTFEAST_ROWS must be all, or a slice from 1 to 30') %}
    {%- endif %}
    {%- for mart in marts_with_keys() if existing_mart(mart.name) %}
        {%- if rows_to_test() == 'loads' %}
            {{ create_noted_keys(mart) }};
        {%- elif tests_of(mart, selected_resources) %}
            drop table if exists {{ noted_table(mart.name, rows_to_test()) }};
            {{ create_noted_keys(mart) }};
            {{ note_slice(mart) }};
        {%- endif %}
    {%- endfor %}
    {%- endif %}
{% endmacro %}

{% macro note_slice(mart) -%}
    {%- set key = mart.config.unique_key -%}
    {%- set slice = rows_to_test() -%}
    insert into {{ noted_table(mart.name, rows_to_test()) }} (key)
    select rows.{{ key }} from marts.{{ mart.name }} as rows
    {%- if slice != 'all' %} where {{ slice_of('rows', key) }} = {{ slice | int }}{% endif %}
    {%- if mart.name.startswith('fact_') %}
    union
    select rows.{{ key }} from raw.{{ source_of_mart(mart) }} as rows
    {%- if slice != 'all' %} where {{ slice_of('rows', key) }} = {{ slice | int }}{% endif %}
    {%- endif %};
    analyze {{ noted_table(mart.name, rows_to_test()) }}
{%- endmacro %}

{# Expression: the slice of a key, 1 to 30. #}
{% macro slice_of(rows, key) -%}
    {{ row_hash(rows, [key]) }} % 30 + 1
{%- endmacro %}

{# Post-hook of a mart, after its commit: notes what its tests look at. #}
{% macro note_keys() %}
    {%- set mart = model -%}
    {%- if execute and rows_to_test() == 'loads' and source_of_mart(mart) %}
    {%- set noted = noted_table(mart.name, rows_to_test()) %}
    begin;
    {{ hold_transform() }};
    -- After one very large load the statistics say that each one has as many rows.
    set local enable_seqscan = off;
    {{ create_noted_keys(mart) }};
    truncate {{ noted }};

    insert into {{ noted }} (load_id, generation)
    select
        digested.load_id,
        digested.generation
    from ops.consumed_load as digested
    where digested.consumer = '{{ mart.name }}' and digested.generation > digested.tested_generation;

    insert into {{ noted }} (written_at)
    select max(written._loaded_at) from marts.{{ mart.name }} as written;

    insert into {{ noted }} (key)
    {{ keys_of_loads(mart, noted) }};

    analyze {{ noted }};
    commit
    {%- endif %}
{% endmacro %}

{# Query: the keys of the noted loads, and of rows written since the mart was last tested. #}
{% macro keys_of_loads(mart, noted) %}
    {%- set key = mart.config.unique_key -%}
    {%- set source_name = source_of_mart(mart) -%}
    with

    loads as (
        select
            noted.load_id,
            log.source
        from {{ noted }} as noted
        inner join ops.pipeline_file_log as log on noted.load_id = log.log_id
    ),

    written as (
        select rows.{{ key }} as key
        from marts.{{ mart.name }} as rows
        where
            rows._loaded_at > coalesce(
                (
                    select tested.written_until from ops.tested_mart as tested
                    where tested.mart = '{{ mart.name }}'
                ),
                '-infinity'
            )
    )

    select written.key from written
    union
    {%- if mart.name.endswith('_history') %}
    {{ current_versions_of_loads(mart, source_name) }}
    {%- elif mart.name.startswith('fact_') %}
    {{ facts_of_loads(mart, source_name) }}
    {%- else %}
    {{ values_of_loads('loads', source_name, key) }}
    union
    select {{ integer_or_null('removed.key') }}
    from ({{ removed_keys('loads', source_name) }}) as removed
    {%- endif %}
{% endmacro %}

{% macro current_versions_of_loads(mart, source_name) %}
    {%- set member = graph.nodes[mart.unique_id | replace('_history', '')].config.unique_key -%}
    select versions.version_key
    from ({{ values_of_loads('loads', source_name, member) }}) as listed
    cross join lateral (
        select history.version_key
        from marts.{{ mart.name }} as history
        where history.{{ member }} = listed.{{ member }} and history.is_current
        offset 0
    ) as versions
{% endmacro %}

{# Query: keys that the loads hold, held or are shown from, and what the transform has looked at for
   other reasons. Of tickets also those whose order or event a load brings. #}
{% macro facts_of_loads(mart, source_name) %}
    {%- set key = mart.config.unique_key -%}
    {{ values_of_loads('loads', source_name, key) }}
    union
    {{ removed_keys('loads', source_name) }}
    union
    {{ rows_of_replaced('loads', 'marts.' ~ mart.name, key) }}
    union
    {{ rows_of_replaced('(' ~ replaced_loads('loads', source_name) ~ ')', 'marts.' ~ mart.name, key) }}
    union
    select resolved.{{ key }}
    from intermediate.int_{{ source_name }}_resolved as resolved
    where resolved.{{ key }} is not null
    {%- if mart.name == 'fact_ticket' %}
    union
    {{ values_of_loads('loads', 'ticket_events', 'ticket_id') }}
    union
    select tickets.ticket_id
    from (
        {{ values_of_loads('loads', 'orders', 'order_id') }}
        union
        {{ removed_keys('loads', 'orders') }}
    ) as changed
    cross join lateral (
        select of_order.ticket_id
        from marts.fact_ticket as of_order
        where of_order.order_id = changed.order_id
        offset 0
    ) as tickets
    {%- endif %}
{% endmacro %}

{# Those of some nodes that are tests of a mart. #}
{% macro tests_of(mart, unique_ids) %}
    {%- set found = [] -%}
    {%- for unique_id in unique_ids if unique_id.startswith('test.') -%}
        {%- if graph.nodes[unique_id].attached_node == mart.unique_id -%}
            {%- do found.append(unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(found) -%}
{% endmacro %}

{# Run end. Behind loads: those are tested whose mart has seen all its tests run, whatever they said;
   what failed stands in ops.failed_row. #}
{% macro mark_tested(results) %}
    {%- if execute %}
    {%- set looked = [] -%}
    {%- for result in results if result.status in ('pass', 'fail', 'warn') -%}
        {%- do looked.append(result.node.unique_id) -%}
    {%- endfor -%}
    {%- set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | map(attribute='unique_id') | list -%}
    {%- for mart in marts_with_keys() %}
        {%- set done = tests_of(mart, looked) -%}
        {%- if done and rows_to_test() != 'loads' %}
            drop table if exists {{ noted_table(mart.name, rows_to_test()) }};
        {%- elif done and done | length == tests_of(mart, tests) | length %}
            update ops.consumed_load as digested
            set tested_generation = noted.generation
            from {{ noted_table(mart.name, rows_to_test()) }} as noted
            where
                digested.consumer = '{{ mart.name }}'
                and digested.load_id = noted.load_id
                and digested.tested_generation < noted.generation;

            insert into ops.tested_mart (mart, written_until)
            select
                '{{ mart.name }}',
                noted.written_at
            from {{ noted_table(mart.name, rows_to_test()) }} as noted
            where noted.written_at is not null
            on conflict (mart) do update set written_until = excluded.written_until
            where tested_mart.written_until < excluded.written_until;
        {%- endif %}
    {%- endfor %}
    {%- endif %}
{% endmacro %}
