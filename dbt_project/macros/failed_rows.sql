{#
    A data test remembers what failed: keys in ops.failed_row, the test in ops.failed_test. It looks
    at these keys again whenever it runs, so it does not pass by the passing of time.
#}

{# Expression: the key, as text, of a row of the mart that the test is about; null for a view. #}
{% macro failed_key(rows) -%}
    {%- set tested = tested_mart() -%}
    {{ rows ~ '.' ~ tested.key if tested else 'null' }}::text
{%- endmacro %}

{# Statement: the result of a test whose rows have a `failed_key`. A failure behind loads is an error,
   which holds up what is built from the mart, when a key of these loads fails or one that nobody knew
   of. One that stands in ops.failed_row since earlier is told again, and holds up nothing. #}
{% macro remembering_keys(sql, tested) %}
    {%- set test = "'" ~ model.name ~ "'" -%}
    {%- set kept_keys = 10000 -%}
    {%- set is_behind_loads = tested.rows == 'loads' and tested.noted -%}
    with

    found as materialized (
        {{ sql }}
    ),

    failing as materialized (
        select
            keys.failed_key,
            known.key is not null as is_known,
            {%- if is_behind_loads %}
            known.key is null
            or exists (
                select 1 from {{ tested.noted }} as noted
                where noted.key::text = keys.failed_key
            ) as is_news
            {%- else %}
            true as is_news
            {%- endif %}
        from (select distinct found.failed_key from found) as keys
        left join ops.failed_row as known on known.test = {{ test }} and keys.failed_key = known.key
    ),

    kept as materialized (
        select failing.failed_key
        from failing
        order by failing.is_known desc, failing.failed_key asc
        limit {{ kept_keys }}
    ),

    passed as (
        delete from ops.failed_row as known
        where
            known.test = {{ test }}
            and not exists (select 1 from kept where kept.failed_key = known.key)
    ),

    remembered as (
        insert into ops.failed_row (test, mart, key)
        select
            {{ test }} as test,
            '{{ tested.name }}' as mart,
            kept.failed_key
        from kept
        order by kept.failed_key
        on conflict (test, key) do update set last_failed_at = excluded.last_failed_at
    ),

    -- A test with more keys than are kept passes when all rows have been looked at, and not before.
    before as materialized (
        select failed.failed_rows
        from ops.failed_test as failed
        where
            failed.test = {{ test }}
            and failed.needs_all
            and {{ tested.rows != 'all' and tested.noted is not none }}
    ),

    counted as materialized (
        select
            greatest(count(*), (select before.failed_rows from before)) as failed_rows,
            count(*) > {{ kept_keys }} or exists (select 1 from before) as needs_all,
            count(*) filter (where failing.is_news) as news
        from failing
    ),

    {{ remember_test(tested.name) }}

    select
        greatest((select {{ config.get('fail_calc') }} from found), counted.failed_rows) as failures,
        counted.failed_rows > 0 as should_warn,
        {{ 'counted.news' if is_behind_loads else 'counted.failed_rows' }} > 0 as should_error
    from counted
{% endmacro %}

{# Statement: the result of a test whose rows have no key. #}
{% macro remembering_number(sql) %}
    {%- set attached = graph.nodes.get(model.get('attached_node')) -%}
    {%- set named = model.config.meta.get('dagster', {}).get('ref', {}).get('name', '') -%}
    with

    counted as materialized (
        select
            {{ config.get('fail_calc') }} as failed_rows,
            {{ rows_to_test() == 'all' }} as needs_all
        from ({{ sql }}) as found
    ),

    {{ remember_test(attached.name if attached else named) }}

    select
        counted.failed_rows as failures,
        counted.failed_rows > 0 as should_warn,
        counted.failed_rows > 0 as should_error
    from counted
{% endmacro %}

{# CTEs that write ops.failed_test, from the CTE counted. #}
{% macro remember_test(mart_name) -%}
    test_passed as (
        delete from ops.failed_test as failed
        using counted
        where failed.test = '{{ model.name }}' and counted.failed_rows = 0
    ),

    test_failed as (
        insert into ops.failed_test (test, mart, severity, failed_rows, needs_all)
        select
            '{{ model.name }}' as test,
            '{{ mart_name }}' as mart,
            '{{ config.get('severity') | lower }}' as severity,
            counted.failed_rows,
            counted.needs_all
        from counted
        where counted.failed_rows > 0
        on conflict (test) do update set
            severity = excluded.severity,
            failed_rows = excluded.failed_rows,
            needs_all = excluded.needs_all,
            last_failed_at = excluded.last_failed_at
    )
{%- endmacro %}
