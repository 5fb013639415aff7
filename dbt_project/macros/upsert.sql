{#
    Incremental strategy `upsert`: insert new keys, update changed rows, leave unchanged rows alone.

    A row is written when any column beside `_loaded_at` differs. `_loaded_at` moves only when one
    differs that is none of `provenance_columns`, which say where the row comes from. Keys go in
    order, which keeps the index pages warm. Works on PostgreSQL 14 (no MERGE). Columns of
    `merge_exclude_columns` get a value with a new key and are then left alone.
#}
{% macro get_incremental_upsert_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns, updated, compared, said = [], [], [], [] -%}
    {%- for name in arg_dict["columns"] -%}
        {%- set column = adapter.quote(name) -%}
        {%- do columns.append(column) -%}
        {%- if name != key and name not in config.get("merge_exclude_columns", []) -%}
            {%- do updated.append(column) -%}
            {%- if name != "_loaded_at" -%}
                {%- do compared.append(column) -%}
                {%- if name not in config.get("provenance_columns", []) -%}
                    {%- do said.append(column) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}

    insert into {{ target }} as stored ({{ columns | join(", ") }})
    select {{ columns | join(", ") }}
    from {{ arg_dict["temp_relation"] }}
    order by {{ adapter.quote(key) }}
    on conflict ({{ adapter.quote(key) }}) do update set
    {%- for column in updated %}
        {%- if column == adapter.quote("_loaded_at") and said | length < compared | length %}
        {{ column }} = case
            when {{ are_distinct("stored", "excluded", said) }} then excluded.{{ column }}
            else stored.{{ column }}
        end
        {%- else %}
        {{ column }} = excluded.{{ column }}
        {%- endif %}{{ "," if not loop.last }}
    {%- endfor %}
    where {{ are_distinct("stored", "excluded", compared) }}
{% endmacro %}

{# Condition: two rows differ in one of some columns. #}
{% macro are_distinct(one, other, columns) -%}
    (
        {%- for column in columns %}{{ one }}.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
    ) is distinct from (
        {%- for column in columns %}{{ other }}.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
    )
{%- endmacro %}

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
