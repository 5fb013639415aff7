{#
    Query: the members of a dimension that the loads claimed by this transaction may have changed.

    Columns: member_key, is_stub, stub_reason, then those of the staging view, which are null for
    a stub. A key is looked at when a claimed load lists, rejects or no longer holds it, or when
    a claimed load of another source refers to it (`references`: pairs of source and column).

    - A key with a valid row is a member with the newest one.
    - A key without is a stub, when its row was rejected or another source refers to it. A stub
      never takes the place of a valid row; a key that is neither is left as it is.

    `also_changed`: a query of further keys to look at.
#}
{% macro changed_members(consumer, source_name, key, references=[], also_changed=none) %}
    select members.*
    from (
        select
            changed.member_key,
            newest.{{ key }} is null as is_stub,
            case
                when newest.{{ key }} is not null then null
                when {{ is_rejected(source_name, 'changed.member_key') }} then 'rejected'
                when changed.is_referenced then 'referenced'
            end as stub_reason,
            newest.*
        from ({{ changed_keys(consumer, source_name, key, references, also_changed) }}) as changed
        left join lateral (
            {{ newest_version(source_name, key, 'changed.member_key') }}
        ) as newest on true
    ) as members
    where
        not members.is_stub
        {% if is_incremental() %}
        or (
            members.stub_reason is not null
            and not exists (
                select 1 from {{ this }} as known
                where known.{{ key }} = members.member_key and not known.is_stub
            )
        )
        {% else %}
        or members.stub_reason is not null
        {% endif %}
{% endmacro %}

{# Query: member_key, is_referenced; one row per key of a dimension that claimed loads touch. #}
{% macro changed_keys(consumer, source_name, key, references=[], also_changed=none) %}
    with

    claimed as ({{ claimed_loads(consumer) }}),

    touched as (
        select
            listed.{{ key }} as member_key,
            false as is_referenced
        from ({{ values_of_loads('claimed', source_name, key) }}) as listed

        union all

        select
            {{ integer_or_null('named.key') }} as member_key,
            false as is_referenced
        from (
            {{ removed_keys('claimed', source_name) }}
            union all
            select rejected.primary_key
            from claimed
            inner join {{ source('ops', 'quarantine') }} as rejected
                on claimed.load_id = rejected.log_id
            where
                rejected.source = '{{ source_name }}'
                and rejected.rejection_stage <> 'orphan'
        ) as named
        {%- for referring_source, column in references %}

        union all

        select
            referring.{{ column }} as member_key,
            true as is_referenced
        from ({{ values_of_loads('claimed', referring_source, column) }}) as referring
        {%- endfor %}
        {%- if also_changed %}

        union all

        select
            also_changed.member_key,
            false as is_referenced
        from ({{ also_changed }}) as also_changed
        {%- endif %}
    )

    select
        touched.member_key,
        bool_or(touched.is_referenced) as is_referenced
    from touched
    where touched.member_key is not null
    group by touched.member_key
{% endmacro %}

{# Condition: a row of this key was rejected, in any file ever loaded. #}
{% macro is_rejected(source_name, member_key) -%}
    exists (
        select 1 from {{ source('ops', 'quarantine') }} as rejection
        where
            rejection.source = '{{ source_name }}'
            and left(rejection.primary_key, 64) = {{ member_key }}::text
            and rejection.rejection_stage <> 'orphan'
    )
{%- endmacro %}

{# Expression: a text as integer; null when it is none, or one that no integer column holds. #}
{% macro integer_or_null(text) -%}
    case
        when {{ text }} ~ '^-?[0-9]{1,10}$' then
            case
                when {{ text }}::bigint between -2147483648 and 2147483647 then {{ text }}::integer
            end
    end
{%- endmacro %}

{# Query: member_key of the members whose parent (`parent_key`, of `parent_source`) claimed loads
   touch; for `also_changed`. A member that is not there yet is looked at for its own load. #}
{% macro members_of_changed_parents(key, parent_key, parent_source) -%}
    {% if is_incremental() -%}
    select members.{{ key }} as member_key
    from {{ this }} as members
    where
        members.{{ parent_key }} in (
            {{ values_of_loads('claimed', parent_source, parent_key) }}
            union
            select {{ integer_or_null('removed.key') }} as {{ parent_key }}
            from ({{ removed_keys('claimed', parent_source) }}) as removed
        )
    {%- endif %}
{%- endmacro %}
