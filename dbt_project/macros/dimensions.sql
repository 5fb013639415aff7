{#
    Query: the members of a dimension that the loads claimed by this transaction may have changed.

    Columns: member_key, is_stub, stub_reason, then those of the staging view, which are null for
    a stub. A key is looked at when a claimed load lists, rejects or no longer holds it, or when
    a claimed load of another source refers to it (`references`: pairs of source and column).

    - A key with a valid row is a member with the newest one.
    - A key without is a stub, when a row of it is refused or another source refers to it.
    - A key that is neither is none of them: see `withdraw_members`.

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
                when changed.is_referenced or {{ is_referred_to(references, 'changed.member_key') }}
                    then 'referenced'
            end as stub_reason,
            newest.*
        from ({{ changed_keys(consumer, source_name, key, references, also_changed) }}) as changed
        left join lateral (
            {{ newest_version(source_name, key, 'changed.member_key') }}
        ) as newest on true
    ) as members
    where not members.is_stub or members.stub_reason is not null
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
            select rejected.key
            from claimed
            inner join {{ source('ops', 'refusal') }} as rejected
                on claimed.load_id = rejected.load_id
            where rejected.source = '{{ source_name }}'
        ) as named
        {%- if is_incremental() and references %}

        union all

        select
            stubs.{{ key }} as member_key,
            false as is_referenced
        from {{ this }} as stubs
        where stubs.stub_reason = 'referenced' and {{ is_taken_back('claimed', references) }}
        {%- endif %}
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

{# Condition: a row of this key is refused in a file as it stands. #}
{% macro is_rejected(source_name, member_key) -%}
    exists (
        select 1
        from {{ source('ops', 'refusal') }} as rejection
        inner join {{ source('ops', 'pipeline_file_log') }} as log
            on rejection.load_id = log.log_id
        where
            rejection.source = '{{ source_name }}'
            and rejection.key = {{ member_key }}::text
            and log.is_loaded
    )
{%- endmacro %}

{# Condition: a row of one of `references` names this key. Only asked of keys without a valid row; the
   distinct values make it one pass, whatever their number. #}
{% macro is_referred_to(references, member_key) -%}
    {%- if not references -%}
    false
    {%- else -%}
    (
        {%- for referring_source, column in references %}
        {{ "or " if not loop.first }}{{ member_key }} in (
            select distinct referring.{{ column }}
            from {{ source('raw', referring_source) }} as referring
            where referring.{{ column }} is not null
        )
        {%- endfor %}
    )
    {%- endif -%}
{%- endmacro %}

{# Condition: one of `loads` (a CTE) has taken the place of another that may have referred to what it
   does not. #}
{% macro is_taken_back(loads, references) -%}
    exists (
        select 1
        from {{ loads }} as loads
        inner join {{ source('ops', 'removed_key') }} as removed
            on loads.load_id = removed.load_id and loads.source = removed.source
        where loads.source in (
            {%- for referring_source, _ in references %}'{{ referring_source }}'{{ ", " if not loop.last }}{% endfor -%}
        )
    )
{%- endmacro %}

{# Post-hooks of a dimension, run in the transaction that upserts it. #}
{% macro dimension_hooks(dimension, source_name, key, references=[]) %}
    {%- set about = "'" ~ dimension ~ "', '" ~ source_name ~ "', '" ~ key ~ "'" -%}
    {%- do return([
        "{{ withdraw_members(" ~ about ~ ", " ~ references ~ ") }}",
        "{{ mark_absences(" ~ about ~ ") }}",
    ]) -%}
{% endmacro %}

{# Members that no file lists, refuses or refers to any more, for a file was corrected, are as if they
   had never been. They are noted in ops.withdrawn_member, facts let go of them (ops.pending_key), and
   they leave: at once, or when no fact refers to them any more. #}
{% macro withdraw_members(dimension, source_name, key, references=[]) %}
    with

    claimed as ({{ claimed_loads(dimension) }}),

    suspects as (
        select {{ integer_or_null('removed.key') }} as member_key
        from ({{ removed_keys('claimed', source_name) }}) as removed

        union

        select withdrawn.key as member_key
        from ops.withdrawn_member as withdrawn
        where withdrawn.dimension = '{{ dimension }}'
        {%- if references %}

        union

        select stubs.{{ key }} as member_key
        from {{ this }} as stubs
        where stubs.stub_reason = 'referenced' and {{ is_taken_back('claimed', references) }}
        {%- endif %}
    ),

    judged as materialized (
        select
            suspects.member_key,
            exists (
                select 1 from {{ source('raw', source_name) }} as valid
                where valid.{{ key }} = suspects.member_key
            )
            or {{ is_rejected(source_name, 'suspects.member_key') }}
            or {{ is_referred_to(references, 'suspects.member_key') }} as is_known
        from suspects
        inner join {{ this }} as members on suspects.member_key = members.{{ key }}
    ),

    listed_again as (
        delete from ops.withdrawn_member as withdrawn
        using judged
        where
            withdrawn.dimension = '{{ dimension }}'
            and withdrawn.key = judged.member_key
            and judged.is_known
    ),

    withdrawn as (
        insert into ops.withdrawn_member (dimension, key_column, key)
        select
            '{{ dimension }}' as dimension,
            '{{ key }}' as key_column,
            judged.member_key
        from judged
        where not judged.is_known
        on conflict do nothing
        returning key
    )

    insert into ops.pending_key (consumer, key)
    select
        referring.consumer,
        referring.key
    from withdrawn
    cross join lateral (
        {%- for fact, fact_key, column in facts_that_refer_to(dimension) %}
        select
            '{{ fact }}' as consumer,
            {{ fact }}.{{ fact_key }} as key
        from marts.{{ fact }} as {{ fact }}
        where {{ fact }}.{{ column }} = withdrawn.key

        union all
        {%- endfor %}

        select
            null::text as consumer,
            null::text as key
        where false
    ) as referring
    on conflict do nothing;

    select ops.drop_withdrawn_members()
{% endmacro %}

{# List: fact, its key and the column of the facts that exist and refer to a dimension. No reference:
   the dimension is not built from them. #}
{% macro facts_that_refer_to(dimension) %}
    {%- set found = [] -%}
    {%- for fact, key in [
        ('fact_order', 'order_id'),
        ('fact_ticket', 'ticket_id'),
        ('fact_ticket_event', 'event_id'),
    ] if existing_mart(fact) -%}
        {%- for column, parent, _ in foreign_keys(fact) if parent == dimension -%}
            {%- do found.append((fact, key, column)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(found) -%}
{% endmacro %}

{# Condition: a member of a dimension is about to leave it. #}
{% macro is_withdrawn(dimension, member_key) -%}
    {{ member_key }} in (
        select withdrawn.key from ops.withdrawn_member as withdrawn
        where withdrawn.dimension = '{{ dimension }}'
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
