{#
    Post-hooks of a fact, run in the transaction that upserts it. `resolved` is the intermediate
    model that holds one row per key looked at and one per load digested (its key is null).
#}
{% macro fact_hooks(fact, resolved, key) %}
    {%- do return([
        "{{ delete_unloadable('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ audit_kept('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ close_orphans('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ open_orphans('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ count_retries('" ~ fact ~ "', '" ~ resolved ~ "') }}",
        "{{ count_orphans('" ~ fact ~ "', '" ~ resolved ~ "') }}",
        "{{ consume_loads('" ~ fact ~ "', '" ~ resolved ~ "') }}",
        "{{ settle_pending('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
    ]) -%}
{% endmacro %}

{# Rows whose newest version is an orphan, or that no file holds any more, leave the fact; the
   foreign keys take the rows that depend on them along, which are then looked at for themselves
   (ops.pending_key). What could not be loaded again stays. #}
{% macro delete_unloadable(fact, resolved, key) %}
    {%- set tickets = existing_mart('fact_ticket') if fact == 'fact_order' else this %}
    {%- set events = existing_mart('fact_ticket_event') if fact != 'fact_ticket_event' else none %}
    with

    gone as (
        delete from {{ this }} as fact
        using {{ ref(resolved) }} as resolved
        where
            fact.{{ key }} = resolved.{{ key }}
            and not resolved.is_loadable
            and not {{ must_stay(fact, 'fact') }}
        returning fact.{{ key }}
    )

    insert into ops.pending_key (consumer, key)
    {%- if fact == 'fact_order' and tickets %}
    select
        'fact_ticket' as consumer,
        dependent.ticket_id as key
    from gone
    inner join {{ tickets }} as dependent on gone.order_id = dependent.order_id

    union all
    {%- endif %}
    {%- if events and tickets %}
    select
        'fact_ticket_event' as consumer,
        dependent.event_id as key
    from gone
    inner join {{ tickets }} as of_gone on gone.{{ key }} = of_gone.{{ key }}
    inner join {{ events }} as dependent on of_gone.ticket_id = dependent.ticket_id

    union all
    {%- endif %}
    select
        gone.{{ key }} as consumer,
        gone.{{ key }} as key
    from gone
    where false
    on conflict do nothing
{% endmacro %}

{# What was looked at has been looked at; and members that facts have let go of leave. #}
{% macro settle_pending(fact, resolved, key) %}
    delete from ops.pending_key as pending
    using {{ ref(resolved) }} as resolved
    where pending.consumer = '{{ fact }}' and pending.key = resolved.{{ key }};

    select ops.drop_withdrawn_members()
{% endmacro %}

{# What a file has given up and the fact goes on to show, since retention has taken what would have
   to be shown in its place, or what depends on it. No source: nothing is built from this table. #}
{% macro audit_kept(fact, resolved, key) %}
    insert into ops.audit_log (os_user, action, target, new)
    select
        'transform' as os_user,
        'keep' as action,
        '{{ fact }}/' || stored.{{ key }} as target,
        jsonb_build_object(
            'reason', 'its file has given it up, and retention has taken what was there before',
            'load_id', stored._load_id
        ) as new
    from {{ ref(resolved) }} as resolved
    inner join {{ this }} as stored on resolved.{{ key }} = stored.{{ key }}
    where
        (resolved.is_kept or (resolved.is_removed and resolved.has_left_a_file))
        -- A load may be looked at once more, such as after an upgrade.
        and not exists (
            select 1 from ops.audit_log as told
            where
                told.target = '{{ fact }}/' || stored.{{ key }}
                and told.action = 'keep'
                and told.new ->> 'load_id' = stored._load_id::text
        )
    order by resolved.{{ key }}
{% endmacro %}

{# Orphans that are loaded, or that no file holds any more, are resolved; of those that still
   wait, the reasons are brought up to date. #}
{% macro close_orphans(fact, resolved, key) %}
    update {{ source('ops', 'quarantine') }} as orphan
    set
        status = 'resolved',
        resolved_at = now()
    from {{ ref(resolved) }} as resolved
    where
        {{ is_open_orphan('orphan', fact) }}
        and orphan.primary_key = resolved.{{ key }}
        and (resolved.is_loadable or resolved.is_removed);

    update {{ source('ops', 'quarantine') }} as orphan
    set
        reasons = resolved.missing,
        rejection_reason = {{ orphan_text(fact, 'resolved.missing') }}
    from {{ ref(resolved) }} as resolved
    where
        {{ is_open_orphan('orphan', fact) }}
        and orphan.primary_key = resolved.{{ key }}
        and (orphan.log_id, orphan.row_number) = (resolved.log_id, resolved.row_number)
        and orphan.reasons <> resolved.missing
{% endmacro %}

{# New orphans go to the quarantine. One that stands for another raw row of the same key resolves
   that row's orphan and goes on waiting for it: it keeps the time first seen and the retries. #}
{% macro open_orphans(fact, resolved, key) %}
    with

    superseded as (
        update {{ source('ops', 'quarantine') }} as orphan
        set
            status = 'resolved',
            resolved_at = now()
        from {{ ref(resolved) }} as resolved
        where
            {{ is_open_orphan('orphan', fact) }}
            and orphan.primary_key = resolved.{{ key }}
            and (orphan.log_id, orphan.row_number) <> (resolved.log_id, resolved.row_number)
        returning orphan.primary_key, orphan.first_seen_at, orphan.retry_count, orphan.last_retry_at
    )

    insert into {{ source('ops', 'quarantine') }} (
        log_id, source_file, source, source_table, row_number, primary_key, rejection_stage,
        rejection_reason, reasons, raw_data, run_id, status, first_seen_at, retry_count, last_retry_at
    )
    select
        resolved.log_id,
        resolved.source_file,
        log.source,
        '{{ fact }}' as source_table,
        resolved.row_number,
        resolved.{{ key }} as primary_key,
        'orphan' as rejection_stage,
        {{ orphan_text(fact, 'resolved.missing') }} as rejection_reason,
        resolved.missing as reasons,
        resolved.raw_data,
        resolved.run_id,
        'open' as status,
        coalesce(superseded.first_seen_at, now()) as first_seen_at,
        coalesce(superseded.retry_count, 0) as retry_count,
        superseded.last_retry_at
    from {{ ref(resolved) }} as resolved
    inner join {{ source('ops', 'pipeline_file_log') }} as log on resolved.log_id = log.log_id
    left join superseded on resolved.{{ key }} = superseded.primary_key
    where
        not resolved.is_loadable
        and not resolved.is_removed
        and not exists (
            select 1 from {{ source('ops', 'quarantine') }} as orphan
            where
                {{ is_open_orphan('orphan', fact) }}
                and orphan.primary_key = resolved.{{ key }}
                and (orphan.log_id, orphan.row_number) = (resolved.log_id, resolved.row_number)
        )
    order by resolved.log_id, resolved.row_number
{% endmacro %}

{# A retry is a digested load of the source that a missing parent may come from. The sources are
   gathered once, so that orphans are only read when there is one. #}
{% macro count_retries(fact, resolved) %}
    with

    retried as materialized (
        select array_agg(distinct foreign_key.child_column) as child_columns
        from {{ ref(resolved) }} as digested
        inner join {{ foreign_key_sources(fact) }}
            on digested.load_source = foreign_key.parent_source
    )

    update {{ source('ops', 'quarantine') }} as orphan
    set
        retry_count = orphan.retry_count + 1,
        last_retry_at = now()
    where
        {{ is_open_orphan('orphan', fact) }}
        and (select retried.child_columns is not null from retried)
        and orphan.quarantined_at < now()
        and exists (
            select 1 from jsonb_to_recordset(orphan.reasons) as reason ("column" text)
            where reason."column" = any((select retried.child_columns from retried)::text[])
        )
{% endmacro %}

{# orphan_count of a file: how many of its rows wait now. #}
{% macro count_orphans(fact, resolved) %}
    update {{ source('ops', 'pipeline_file_log') }} as log
    set orphan_count = counted.orphan_count
    from (
        select
            touched.log_id,
            (
                select count(*) from {{ source('ops', 'quarantine') }} as orphan
                where {{ is_open_orphan('orphan', fact) }} and orphan.log_id = touched.log_id
            ) as orphan_count
        from (
            select resolved.log_id from {{ ref(resolved) }} as resolved
            union
            select waiting.log_id from {{ source('ops', 'pipeline_file_log') }} as waiting
            where waiting.source_table = '{{ fact }}' and waiting.orphan_count > 0
        ) as touched
    ) as counted
    where log.log_id = counted.log_id and log.orphan_count <> counted.orphan_count
{% endmacro %}

{# The loads are digested when the fact commits, and not before. #}
{% macro consume_loads(fact, resolved) %}
    insert into {{ source('ops', 'consumed_load') }} (consumer, load_id, generation)
    select
        '{{ fact }}' as consumer,
        resolved.load_id,
        resolved.load_generation
    from {{ ref(resolved) }} as resolved
    where resolved.load_id is not null
    {{ digested_once_more() }}
{% endmacro %}

{% macro is_open_orphan(orphan, fact) -%}
    {{ orphan }}.source_table = '{{ fact }}'
    and {{ orphan }}.rejection_stage = 'orphan'
    and {{ orphan }}.status = 'open'
{%- endmacro %}

{# Condition: a person has discarded this raw row of a stream while it waited for a parent. It stays
   so until its file is loaded again, which gives the row another load. #}
{% macro is_discarded(rows) -%}
    exists (
        select 1 from {{ source('ops', 'quarantine') }} as discarded
        where
            discarded.log_id = {{ rows }}._load_id
            and discarded.row_number = {{ rows }}._row_number
            and discarded.rejection_stage = 'orphan'
            and discarded.status = 'discarded'
    )
{%- endmacro %}

{# Expression: reasons as text, such as `customer_id 99434 not found in customers`. #}
{% macro orphan_text(fact, reasons) -%}
    (
        select
            string_agg(
                format(
                    '%s %s not found in %s',
                    reason.item ->> 'column',
                    reason.item ->> 'value',
                    foreign_key.parent_source
                ),
                '; ' order by reason.position
            )
        from jsonb_array_elements({{ reasons }}) with ordinality as reason (item, position)
        inner join {{ foreign_key_sources(fact) }}
            on reason.item ->> 'column' = foreign_key.child_column
    )
{%- endmacro %}

{# Table: foreign_key (child_column, parent_source). #}
{% macro foreign_key_sources(fact) -%}
    (
        values
        {%- for column, _, parent_source in foreign_keys(fact) %}
        ('{{ column }}', '{{ parent_source }}'){{ "," if not loop.last }}
        {%- endfor %}
    ) as foreign_key (child_column, parent_source)
{%- endmacro %}

{# Post-hook: a service level that has come due is pending no more, also of a row that the fact goes
   on to show while its newest version waits. What is pending is not done. #}
{% macro come_due(status, done_at, due_at) %}
    update {{ this }} as fact
    set
        {{ status }} = {{ sla_status('fact.' ~ done_at, 'fact.' ~ due_at) }},
        _loaded_at = now()
    where fact.{{ status }} = 'pending' and fact.{{ due_at }} < {{ business_now() }}
{% endmacro %}

{# Post-hook: rows whose service level is pending, by due time, are found without a scan. dbt's
   own index setting knows no partial index. #}
{% macro index_pending(status, due_at) %}
    {%- set name = this.identifier ~ "_" ~ status ~ "_pending" %}
    create index if not exists {{ name }} on {{ this }} ({{ due_at }}) where {{ status }} = 'pending'
{% endmacro %}
