{#
    Where a fact's row comes from, and which version of a key it shows.

    Every row of a fact carries the landing partition and the load of the version that it shows
    (`_partition_at`, `_load_id`), and `_pruned_at`: the newest partition of an earlier version of it
    that retention has taken out of raw. A later partition is never followed by an earlier one,
    unless the very load that the fact shows has given the key up.
#}

{# Columns of a fact that come from the file, all but the key, of `table`. #}
{% macro columns_of_fact(fact, table) -%}
    {{ qualified(table, {
        'fact_order': [
            'customer_id', 'restaurant_id', 'driver_id', 'region_id', 'order_amount', 'delivery_fee',
            'discount_amount', 'total_amount', 'order_status', 'payment_method', 'created_at',
            'delivered_at',
        ],
        'fact_ticket': [
            'order_id', 'customer_id', 'driver_id', 'restaurant_id', 'agent_id', 'reason_id',
            'priority_id', 'channel_id', 'status', 'refund_amount', 'created_at',
            'first_response_at', 'resolved_at', 'sla_first_due_at', 'sla_resolve_due_at',
        ],
        'fact_ticket_event': [
            'ticket_id', 'agent_id', 'event_ts', 'old_status', 'new_status', 'notes',
        ],
    }[fact]) }}
{%- endmacro %}

{# Query: the version of one key that the fact is to show. That is raw's newest, or, where raw has
   none or an earlier one, the fact's own row, as long as it stands. `mart` is the fact where it
   exists. `value` may belong to an outer query. #}
{% macro version_to_show(fact, mart, source_name, key, value) %}
    select shown.*
    from (
        select
            loaded.{{ key }},
            {{ columns_of_fact(fact, 'loaded') }},
            loaded._partition_at,
            loaded._load_id,
            loaded._source_file,
            loaded._row_number,
            loaded._run_id,
            true as is_in_raw
        from ({{ newest_version(source_name, key, value) }}) as loaded
        {%- if mart %}

        union all

        select
            own.{{ key }},
            {{ columns_of_fact(fact, 'own') }},
            own._partition_at,
            own._load_id,
            null::text as _source_file,
            null::bigint as _row_number,
            null::text as _run_id,
            false as is_in_raw
        from {{ mart }} as own
        where own.{{ key }} = {{ value }} and {{ stands(source_name, key, 'own') }}
        {%- endif %}
    ) as shown
    order by shown._partition_at desc, shown.is_in_raw desc
    limit 1
{% endmacro %}

{# Condition: a row of a fact stands by itself, whatever raw holds. Its load has not given its key up;
   or it has, but retention has taken a version of the key out of raw that is newer than any that
   raw holds, so that nobody knows what to show in its place. #}
{% macro stands(source_name, key, stored) -%}
    (
        {{ is_of_present_load(stored) }}
        or {{ stored }}._pruned_at > coalesce(
            (
                select in_raw._partition_at
                from ({{ newest_version(source_name, key, stored ~ '.' ~ key) }}) as in_raw
            ),
            '-infinity'
        )
    )
{%- endmacro %}

{# Condition: the load of a row of a fact has not been replaced or withdrawn. #}
{% macro is_of_present_load(stored) -%}
    exists (
        select 1 from {{ source('ops', 'pipeline_file_log') }} as log
        where log.log_id = {{ stored }}._load_id and log.is_loaded
    )
{%- endmacro %}

{# Condition: retention has taken the version that a row of a fact shows out of raw. Raw is named as it
   is: what depends on a fact's row must not count as something that the fact is built from. #}
{% macro has_left_raw(source_name, key, stored) -%}
    (
        {{ is_of_present_load(stored) }}
        and not exists (
            select 1 from raw.{{ source_name }} as loaded
            where
                loaded.{{ key }} = {{ stored }}.{{ key }}
                and loaded._partition_at = {{ stored }}._partition_at
                and loaded._load_id = {{ stored }}._load_id
        )
    )
{%- endmacro %}

{# Condition: a row of a fact cannot be loaded again once it is deleted, or one that depends on it
   cannot, for retention has taken what they come from. #}
{% macro must_stay(fact, stored) -%}
    {#- While the project is parsed, a reference has no name. -#}
    {%- set source_name, key, children = {
        'fact_order': ('orders', 'order_id', 'fact_ticket'),
        'fact_ticket': ('tickets', 'ticket_id', 'fact_ticket_event'),
    }.get(fact, ('ticket_events', 'event_id', none)) -%}
    {%- set mart = existing_mart(children) if children else none -%}
    (
        {{ stored }}._pruned_at is not null
        or {{ has_left_raw(source_name, key, stored) }}
        {%- if mart %}
        or exists (
            select 1 from {{ mart }} as of_{{ fact }}
            where
                of_{{ fact }}.{{ key }} = {{ stored }}.{{ key }}
                and {{ must_stay(children, 'of_' ~ fact) }}
        )
        {%- endif %}
    )
{%- endmacro %}

{# Joins to `changes` the version to show of each key as `shown`, and what the fact holds now as
   `held`. #}
{% macro join_versions(fact, mart, source_name, key) %}
    left join lateral (
        {{ version_to_show(fact, mart, source_name, key, 'changes.' ~ key) }}
    ) as shown on true
    left join lateral (
        {%- if mart %}
        select
            present._load_id,
            present._pruned_at,
            case
                when {{ has_left_raw(source_name, key, 'present') }} then present._partition_at
            end as left_raw_at
        from {{ mart }} as present
        where present.{{ key }} = changes.{{ key }}
        {%- else %}
        select
            null::bigint as _load_id,
            null::timestamp as _pruned_at,
            null::timestamp as left_raw_at
        {%- endif %}
    ) as held on true
{% endmacro %}

{# Column: `_pruned_at` of the version to show. What the fact shows until now counts as an earlier
   version that retention has taken, where it has and another one takes its place. #}
{% macro pruned_at() -%}
case
            when held._load_id = shown._load_id then held._pruned_at
            else greatest(held._pruned_at, held.left_raw_at)
        end as _pruned_at
{%- endmacro %}

{# Query: earlier loads of the files of those of `loads` (a CTE) that are of `source_name`: what a
   fact shows of them has to be looked at, though raw may hold none of it any more. #}
{% macro replaced_loads(loads, source_name) %}
    select earlier.log_id as load_id
    from {{ loads }} as loads
    inner join {{ source('ops', 'pipeline_file_log') }} as present on loads.load_id = present.log_id
    inner join {{ source('ops', 'pipeline_file_log') }} as earlier
        on
            earlier.source = '{{ source_name }}'
            and present.partition_at = earlier.partition_at
            and earlier.status = 'success'
            and not earlier.is_loaded
    where loads.source = '{{ source_name }}'
{% endmacro %}

{# Query: loads of a source that count no more, replaced or withdrawn. What a fact goes on to show of
   them, since something that depends on it cannot be loaded again, is looked at in each run: what
   keeps it there may go, by any load. #}
{% macro given_up_loads(source_name) %}
    select given_up.log_id as load_id
    from {{ source('ops', 'pipeline_file_log') }} as given_up
    where
        given_up.source = '{{ source_name }}'
        and given_up.status = 'success'
        and not given_up.is_loaded
{% endmacro %}

{# Query: `column` of the rows of a fact, `mart`, that show something of `replaced` loads (a CTE). #}
{% macro rows_of_replaced(replaced, mart, column) %}
    select carrying.{{ column }}
    from {{ replaced }} as replaced
    cross join lateral (
        select own.{{ column }}
        from {{ mart }} as own
        where own._load_id = replaced.load_id
        offset 0
    ) as carrying
{% endmacro %}
