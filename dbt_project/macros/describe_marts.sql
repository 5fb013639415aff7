{# Run start: the comments of marts and of their columns become those of the models, where they differ.
   A table that lacks a column is of another version: `fastfeast upgrade` changes it, and sees to it
   that the column is filled. Columns that a model does not have are left alone. #}
{% macro describe_marts() %}
    {%- if execute and flags.WHICH in ['build', 'run'] %}
    {%- set nodes = {} -%}
    {%- for node in graph.nodes.values() if node.get('config', {}).get('materialized') == 'incremental' -%}
        {%- do nodes.update({node.alias: node}) -%}
    {%- endfor -%}
    {%- for row in run_query(digests_of_comments('marts')) if row[0] in nodes -%}
        {%- set node, digests = nodes[row[0]], fromjson(row[1]) -%}
        {%- set missing = node.columns.keys() | reject('in', digests) | list -%}
        {%- if missing -%}
            {%- do exceptions.raise_compiler_error(
                "marts." ~ node.alias ~ " has no column " ~ missing | join(", ")
                ~ ": it is of another version of these models; run `fastfeast upgrade`"
            ) -%}
        {%- endif -%}
        {%- set relation = api.Relation.create(database=target.database, schema='marts', identifier=node.alias) -%}
        {%- if digests[''] != local_md5(node.description) %}
            comment on table {{ relation }} is {{ postgres_escape_comment(node.description) }};
        {%- endif -%}
        {%- for name, column in node.columns.items() if digests[name] != local_md5(column.description) %}
            comment on column {{ relation }}.{{ adapter.quote(name) }}
            is {{ postgres_escape_comment(column.description) }};
        {%- endfor -%}
    {%- endfor %}
    {%- endif %}
{% endmacro %}

{# Query: of each table of a schema, the digests of the comments of its columns by their names, and of
   the table's own by the empty name. #}
{% macro digests_of_comments(schema) %}
    select
        class.relname,
        (
            jsonb_object_agg(
                attribute.attname, md5(coalesce(col_description(class.oid, attribute.attnum), ''))
            )
            || jsonb_build_object('', md5(coalesce(obj_description(class.oid, 'pg_class'), '')))
        )::text as digests
    from pg_class as class
    inner join pg_attribute as attribute on class.oid = attribute.attrelid
    where
        class.relnamespace = to_regnamespace('{{ schema }}')
        and class.relkind = 'r'
        and attribute.attnum > 0
        and not attribute.attisdropped
    group by class.oid, class.relname
{% endmacro %}
