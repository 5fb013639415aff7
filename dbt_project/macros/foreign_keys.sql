{#
    The foreign keys of a fact: column, the mart it must be found in (under the same name), and the
    source whose files bring that mart's members. The other macros here take them as `keys`.
#}
{% macro foreign_keys(fact) %}
    {%- set keys = {
        'fact_order': [
            ('customer_id', 'dim_customer', 'customers'),
            ('restaurant_id', 'dim_restaurant', 'restaurants'),
            ('driver_id', 'dim_driver', 'drivers'),
            ('region_id', 'dim_region', 'regions'),
        ],
        'fact_ticket': [
            ('order_id', 'fact_order', 'orders'),
            ('customer_id', 'dim_customer', 'customers'),
            ('driver_id', 'dim_driver', 'drivers'),
            ('restaurant_id', 'dim_restaurant', 'restaurants'),
            ('agent_id', 'dim_agent', 'agents'),
            ('reason_id', 'dim_reason', 'reasons'),
            ('priority_id', 'dim_priority', 'priorities'),
            ('channel_id', 'dim_channel', 'channels'),
        ],
        'fact_ticket_event': [
            ('ticket_id', 'fact_ticket', 'tickets'),
            ('agent_id', 'dim_agent', 'agents'),
        ],
    } -%}
    {%- do return(keys[fact]) -%}
{% endmacro %}

{# Joins: each parent as parent_<column>, by the columns of `child`. A member that is about to leave
   its dimension is none, but for what raw does not hold any more (`child.is_in_raw`). #}
{% macro join_parents(keys, child) %}
    {%- for column, parent, _ in keys %}
    left join {{ ref(parent) }} as parent_{{ column }}
        on
            {{ child }}.{{ column }} = parent_{{ column }}.{{ column }}
            {%- if parent.startswith("dim_") %}
            and not ({{ child }}.is_in_raw and {{ is_withdrawn(parent, child ~ "." ~ column) }})
            {%- endif %}
    {%- endfor %}
{% endmacro %}

{# Expression: the reasons why a row of `child` is an orphan, a JSON array, empty when it is none. #}
{% macro missing_parents(keys, child) -%}
    to_jsonb(array_remove(array[
        {%- for column, _, _ in keys %}
        case
            when {{ child }}.{{ column }} is not null and parent_{{ column }}.{{ column }} is null
                then jsonb_build_object(
                    'column', '{{ column }}', 'rule', 'orphan', 'value', {{ child }}.{{ column }}::text
                )
        end {{- "," if not loop.last }}
        {%- endfor %}
    ], null))
{%- endmacro %}

{# Query: loads that `fact` has still to digest: those of its own `source_name` and of `others`,
   and of its parents, once the parents have digested them. #}
{% macro pending_fact_loads(fact, source_name, keys, others={}) %}
    {%- set after = dict(others) -%}
    {%- for _, parent, parent_source in keys -%}
        {%- do after.update({parent_source: parent}) -%}
    {%- endfor -%}
    {{ pending_loads(fact, [source_name] + after.keys() | list, after) }}
{% endmacro %}

{# Query: `key` of the open orphans of `fact` for which a missing parent exists by now. #}
{% macro healed_orphans(fact, key, keys) %}
    select orphan.primary_key as {{ key }}
    from {{ source('ops', 'quarantine') }} as orphan
    where
        orphan.source_table = '{{ fact }}'
        and orphan.rejection_stage = 'orphan'
        and orphan.status = 'open'
        and exists (
            select 1
            from jsonb_to_recordset(orphan.reasons) as reason ("column" text, "value" text)
            where
                {%- for column, parent, _ in keys %}
                {{ "or " if not loop.first }}(
                    reason."column" = '{{ column }}'
                    and exists (
                        select 1 from {{ ref(parent) }} as parent
                        where
                            parent.{{ column }} = reason."value"
                            {{- "::integer" if parent.startswith("dim_") }}
                            {%- if parent.startswith("dim_") %}
                            and not {{ is_withdrawn(parent, "parent." ~ column) }}
                            {%- endif %}
                    )
                )
                {%- endfor %}
        )
{% endmacro %}

{# Query: the keys that `fact` has to look at again though no load names them. #}
{% macro pending_keys(fact, key) %}
    select pending.key as {{ key }}
    from ops.pending_key as pending
    where pending.consumer = '{{ fact }}'
{% endmacro %}
