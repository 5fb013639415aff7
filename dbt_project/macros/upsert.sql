{#
    Incremental strategy `upsert`: insert new keys, update changed rows, leave unchanged rows alone.

    A row counts as changed when any column beside `_loaded_at` differs; only then does `_loaded_at`
    move. Keys go in order, which keeps the index pages warm. Works on PostgreSQL 14 (no MERGE).
    Columns of `merge_exclude_columns` get a value with a new key and are then left alone.
#}
{% macro get_incremental_upsert_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | list -%}
    {%- set updated = arg_dict["dest_columns"]
        | rejectattr("name", "in", [key] + config.get("merge_exclude_columns", []))
        | map(attribute="quoted") | list -%}
    {%- set compared = updated | reject("equalto", adapter.quote("_loaded_at")) | list -%}

    insert into {{ target }} as stored ({{ columns | join(", ") }})
    select {{ columns | join(", ") }}
    from {{ arg_dict["temp_relation"] }}
    order by {{ adapter.quote(key) }}
    on conflict ({{ adapter.quote(key) }}) do update set
    {%- for column in updated %}
        {{ column }} = excluded.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
    where
        (
            {%- for column in compared %}stored.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
        ) is distinct from (
            {%- for column in compared %}excluded.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
        )
{% endmacro %}

{# Incremental strategy `upsert_versions`: `upsert`, but a row without `valid_from` deletes the stored
   row of its key. #}
{% macro get_incremental_upsert_versions_sql(arg_dict) %}
    {%- set written = arg_dict["temp_relation"] -%}
    {%- set key = adapter.quote(arg_dict["unique_key"]) -%}

    delete from {{ arg_dict["target_relation"] }} as stored
    using {{ written }} as obsolete
    where stored.{{ key }} = obsolete.{{ key }} and obsolete.valid_from is null;

    delete from {{ written }} as obsolete
    where obsolete.valid_from is null;

    {{ get_incremental_upsert_sql(arg_dict) }}
{% endmacro %}
