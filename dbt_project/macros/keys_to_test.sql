{#
    Which rows the tests of a mart look at:

    - `loads`, by default: the keys of the loads that the mart has digested and its tests have not
      looked at yet, whether or not a row was written; what was written since; what failed before.
    - A slice of all keys, a thirtieth by hash, and what failed before: FASTFEAST_ROWS, 1 to 30.
    - `all`, every row: FASTFEAST_ROWS, or the variable `rows`, which brings tests of the views along.

    The keys are noted in a table beside each mart, once for all its tests. Loads that a run has
    digested and whose tests it did not live to see are noted again by the next one.
#}

{% macro rows_to_test() -%}
    {#- Read when a test runs: a variable of dbt would have the project parsed for each slice. -#}
    {{ var('rows', '') or (execute and env_var('FASTFEAST_ROWS', '')) or 'loads' }}
{%- endmacro %}

{#
    What the test at hand is about, if that is a mart, else none: `name`, its `key`, the `key_type`,
    which `rows` are looked at, and the table where their keys are `noted`; none for the calendar,
    which no load writes. One macro, for each call of one takes dbt a while and there are many tests.
#}
{% macro tested_mart() %}
    {%- set mart = graph.nodes.get(model.get('attached_node')) if execute else none -%}
    {%- if not mart or mart.schema != 'marts' -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set rows = rows_to_test() -%}
    {%- set key = mart.config.unique_key -%}
    {%- do return({
        'name': mart.name,
        'key': key,
        'key_type': mart.columns[key].data_type,
        'rows': rows,
        'noted': none if 'calendar' in mart.fqn else noted_table(mart.name, rows),
    }) -%}
{% endmacro %}

{# The table with the noted keys. Behind loads it outlives the run, so that tests can be run again. #}
{% macro noted_table(mart_name, rows) -%}
    intermediate.{{ mart_name }}{{ '_to_test' if rows == 'loads' else '_to_check' }}
{%- endmacro %}

{# The source whose files list the members of a mart or of its history; none for the calendar. #}
{% macro source_of_mart(mart) %}
    {%- for source in graph.sources.values() if source.schema == 'raw' -%}
        {%- if source.config.meta.get('target') == mart.name | replace('_history', '') -%}
            {%- do return(source.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(none) -%}
{% endmacro %}

{# The marts that have such a source. #}
{% macro marts_with_keys() %}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.schema == 'marts' and source_of_mart(node)
    -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {%- do return(found) -%}
{% endmacro %}

{# Query: the keys that a test looks at; `tested` as from `tested_mart`. #}
{% macro keys_to_test(tested) %}
    select noted.key from {{ tested.noted }} as noted where noted.key is not null
    union all
    select known.key::{{ tested.key_type }}
    from ops.failed_row as known
    where known.test = '{{ model.name }}'
{% endmacro %}

{# Query: the same with each key once, for a test of a mart that looks for rows which are not there. #}
{% macro tested_keys() %}
    {%- set tested = tested_mart() -%}
    select distinct to_test.key from ({{ keys_to_test(tested) if tested }}) as to_test
{% endmacro %}

{# Behind loads, to be added to a query of tickets: those of the events that are looked at. #}
{% macro or_tickets_of_noted_events(events) %}
    {%- if rows_to_test() == 'loads' %}
    union
    select of_event.ticket_id
    from {{ noted_table('fact_ticket_event', 'loads') }} as noted
    inner join {{ events }} as of_event on noted.key = of_event.event_id
    {%- endif %}
{% endmacro %}

{# What dbt puts in the place of `model` in a test: the rows that it looks at. #}
{% macro get_where_subquery(relation) -%}
    {%- set tested = tested_mart() -%}
    {%- set subquery -%}
        (
            select looked_at.* from {{ relation }} as looked_at
            where
                ({{ config.get('where') or 'true' }})
                {%- if tested and tested.noted and tested.rows != 'all' %}
                and looked_at.{{ tested.key }} in ({{ keys_to_test(tested) }})
                {%- endif %}
        ) as dbt_subquery
    {%- endset -%}
    {%- do return(subquery) -%}
{%- endmacro %}
