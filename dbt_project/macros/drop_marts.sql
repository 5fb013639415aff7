{# Operation: drop all marts, so that the next run builds them anew from every load in raw. Refused
   when facts would be lost that raw no longer holds. No upgrade: that is `fastfeast upgrade`. #}
{% macro drop_marts() %}
    {%- do ensure_in_raw() %}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.schema == 'marts' %}
        {%- do run_query("drop table if exists marts." ~ adapter.quote(node.alias) ~ " cascade") %}
    {%- endfor %}
    {#- What says that there is nothing to do must not survive what it speaks of. #}
    {%- do run_query("delete from " ~ source('ops', 'consumed_load')) %}
    {%- do run_query("commit") %}
{% endmacro %}

{# Stops when facts show what raw would not give again: it holds nothing of the key any more, or only
   rows of earlier partitions. #}
{% macro ensure_in_raw() %}
    {%- set lost = [] -%}
    {%- for fact, source_name, key in [
        ('fact_order', 'orders', 'order_id'),
        ('fact_ticket', 'tickets', 'ticket_id'),
        ('fact_ticket_event', 'ticket_events', 'event_id'),
    ] if existing_mart(fact) -%}
        {%- set count = run_query(facts_without_raw(fact, source_name, key))[0][0] -%}
        {%- if count -%}
            {%- do lost.append(fact ~ ' ' ~ count) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if lost -%}
        {%- do exceptions.raise_compiler_error(
            "rows of facts would be lost, for retention has taken what they come from: "
            ~ lost | join(", ") ~ "; nothing was dropped. To bring marts to another version, run"
            ~ " `fastfeast upgrade`"
        ) -%}
    {%- endif -%}
{% endmacro %}

{# Query: how many rows of a fact raw would not give again. #}
{% macro facts_without_raw(fact, source_name, key) %}
    select count(*)
    from {{ existing_mart(fact) }} as stored
    where
        not exists (
            select 1 from {{ source('raw', source_name) }} as loaded
            where
                loaded.{{ key }} = stored.{{ key }}
                and loaded._partition_at >= stored._partition_at
        )
{% endmacro %}
