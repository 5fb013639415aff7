{#
    Which loads a model still has to digest. A load is one successfully loaded file: a row of
    ops.pipeline_file_log, whose log_id its rows in raw carry as _load_id. ops.consumed_load holds
    the loads that each consumer (a mart) has digested, and the generation that it read of each: a
    decision about rows of a load, such as a release, moves the load's generation on.
#}

{# Pre-hook of every model that writes: the transform that it belongs to must be alive, and no other
   begins before it has committed. Nothing where dbt is started by hand. #}
{% macro hold_transform() %}
    {#- Read when a model runs: by another value, dbt would parse every model again at each run. -#}
    {%- set holder = execute and env_var('FASTFEAST_TRANSFORM_HOLDER', '') %}
    {%- if holder %}
        select ops.hold_transform({{ holder | int }})
    {%- endif %}
{% endmacro %}

{# Query: loads (load_id, source, generation) of `sources` that `consumer` has not digested. `after`
   maps a source to the consumer that must have digested its loads first. #}
{% macro pending_loads(consumer, sources, after={}) %}
    select
        log.log_id as load_id,
        log.source,
        log.generation
    from {{ source('ops', 'pipeline_file_log') }} as log
    inner join (
        values
        {%- for source_name in sources %}
        ('{{ source_name }}', {{ "'" ~ after[source_name] ~ "'" if after.get(source_name) else "null" }})
        {{- "," if not loop.last }}
        {%- endfor %}
    ) as wanted (source, digested_by) on log.source = wanted.source
    where
        log.status = 'success'
        and not exists (
            select 1 from {{ source('ops', 'consumed_load') }} as consumed
            where consumed.consumer = '{{ consumer }}' and {{ has_read('consumed', 'log') }}
        )
        and (
            wanted.digested_by is null
            or exists (
                select 1 from {{ source('ops', 'consumed_load') }} as digested
                where
                    digested.consumer = wanted.digested_by
                    and {{ has_read('digested', 'log') }}
            )
        )
{% endmacro %}

{# Condition: an entry of ops.consumed_load is about a load as it stands now. #}
{% macro has_read(consumed, log) -%}
    {{ consumed }}.load_id = {{ log }}.log_id and {{ consumed }}.generation >= {{ log }}.generation
{%- endmacro %}

{# Condition: `consumer` has digested a load as it stands now. #}
{% macro is_digested(consumer, load_id) -%}
    exists (
        select 1
        from {{ source('ops', 'consumed_load') }} as consumed
        inner join {{ source('ops', 'pipeline_file_log') }} as log on {{ has_read('consumed', 'log') }}
        where consumed.consumer = '{{ consumer }}' and consumed.load_id = {{ load_id }}
    )
{%- endmacro %}

{# Clause of an insert into ops.consumed_load: a load that was digested before is so once more. #}
{% macro digested_once_more() -%}
    on conflict (consumer, load_id) do update set
        generation = excluded.generation,
        consumed_at = excluded.consumed_at,
        claim_xid = excluded.claim_xid
    where consumed_load.generation < excluded.generation
{%- endmacro %}

{# Pre-hook of a dimension: take all its pending loads, in the transaction that builds it. When
   that fails, the claim goes with it. Loads that commit later are left for the next run. `after` as in
   `pending_loads`. #}
{% macro claim_loads(consumer, sources, after={}) %}
    insert into {{ source('ops', 'consumed_load') }} (consumer, load_id, generation)
    select
        '{{ consumer }}' as consumer,
        pending.load_id,
        pending.generation
    from ({{ pending_loads(consumer, sources, after) }}) as pending
    {{ digested_once_more() }}
{% endmacro %}

{# Query: the loads (load_id, source) that this transaction has claimed for `consumer`. #}
{% macro claimed_loads(consumer) %}
    select
        claimed.load_id,
        log.source
    from {{ source('ops', 'consumed_load') }} as claimed
    inner join {{ source('ops', 'pipeline_file_log') }} as log on claimed.load_id = log.log_id
    where
        claimed.consumer = '{{ consumer }}'
        and claimed.claim_xid = pg_current_xact_id()
{% endmacro %}

{# Query: values of `column` in the raw rows of those of `loads` (a CTE) that are of `source_name`.
   `offset 0` keeps the planner from turning the look-ups by load into a scan of the raw table. #}
{% macro values_of_loads(loads, source_name, column, condition="true") %}
    select loaded.{{ column }}
    from {{ loads }} as loads
    cross join lateral (
        select rows.{{ column }}
        from {{ source('raw', source_name) }} as rows
        where rows._load_id = loads.load_id and {{ condition }}
        offset 0
    ) as loaded
    where loads.source = '{{ source_name }}'
{% endmacro %}

{# Setting `sql_header` of a model that needs few rows of large tables. After one very large file the
   statistics say that a load has as many rows, and the planner would read raw from end to end. #}
{% macro read_by_index() %}
    {%- do return("set local enable_seqscan = off;") -%}
{% endmacro %}

{# Query: keys that a replaced file held, for those of `loads` (a CTE) that are of `source_name`. #}
{% macro removed_keys(loads, source_name) %}
    select removed.key
    from {{ loads }} as loads
    inner join {{ source('ops', 'removed_key') }} as removed on loads.load_id = removed.load_id
    where loads.source = '{{ source_name }}' and removed.source = '{{ source_name }}'
{% endmacro %}

{# Run start: a mart that does not exist (first run, dropped table) has digested nothing. #}
{% macro forget_missing_consumers() %}
    {%- if execute and load_relation(source('ops', 'consumed_load')) is not none %}
        {%- set consumers = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'model')
            | selectattr('schema', 'equalto', 'marts')
            | map(attribute='alias') | list -%}
        delete from {{ source('ops', 'consumed_load') }} as consumed
        using unnest(array['{{ consumers | join("', '") }}']) as mart (name)
        where consumed.consumer = mart.name and to_regclass('marts.' || mart.name) is null
    {%- endif %}
{% endmacro %}

{# Query: `column` of the raw rows of `source_name` whose `key` is in `keys` (a CTE), by index. #}
{% macro rows_by_key(keys, key, source_name, column, condition="true") %}
    select found.{{ column }}
    from {{ keys }} as keys
    cross join lateral (
        select rows.{{ column }}
        from {{ source('raw', source_name) }} as rows
        where rows.{{ key }} = keys.{{ key }} and {{ condition }}
        offset 0
    ) as found
{% endmacro %}

{# A mart if it exists already, else none: for a model that the mart itself is built from. #}
{% macro existing_mart(name) %}
    {%- if execute -%}
        {%- do return(load_relation(
            api.Relation.create(database=target.database, schema='marts', identifier=name)
        )) -%}
    {%- endif -%}
    {%- do return('marts.' ~ name) -%}
{% endmacro %}

{# Query: the newest version of one key, `value`, which may belong to an outer query. `limit 1`
   keeps the planner from joining the whole staging view: it looks the key up by index. #}
{% macro newest_version(source_name, key, value) -%}
    select versions.*
    from {{ ref('stg_' ~ source_name) }} as versions
    where versions.{{ key }} = {{ value }}
    limit 1
{%- endmacro %}
