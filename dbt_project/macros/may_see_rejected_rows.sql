{# Expression: whether who asks may see rejected rows as they came; a view asks with its reader's rights. #}
{% macro may_see_rejected_rows() -%}
    (select pg_catalog.has_table_privilege('ops.quarantine'::regclass, 'select'))
{%- endmacro %}
