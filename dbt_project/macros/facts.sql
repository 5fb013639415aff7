{#
    Post-hooks of a fact, run in the transaction that upserts it. `resolved` is the intermediate
    model that holds one row per key looked at and one per load digested (its key is null),
    `happened_at` the column of the fact that says when it came about.
#}
{% macro fact_hooks(fact, resolved, key, source_name, happened_at) %}
    {%- do return([
        "{{ delete_unloadable('" ~ resolved ~ "', '" ~ key ~ "', '" ~ source_name ~ "', '"
        ~ happened_at ~ "') }}",
        "{{ close_orphans('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ open_orphans('" ~ fact ~ "', '" ~ resolved ~ "', '" ~ key ~ "') }}",
        "{{ count_retries('" ~ fact ~ "', '" ~ resolved ~ "') }}",
        "{{ count_orphans('" ~ fact ~ "', '" ~ resolved ~ "') }}",
        "{{ consume_loads('" ~ fact ~ "', '" ~ resolved ~ "') }}",
    ]) -%}
{% endmacro %}

{# Rows whose newest version is an orphan, or that no file holds any more, leave the fact; the
   foreign keys take the rows that depend on them along. A row that a month past the retention of
   raw may have held stays: its file still holds it for all we know, and once deleted it could not
   be loaded again. #}
{% macro delete_unloadable(resolved, key, source_name, happened_at) %}
    delete from {{ this }} as fact
    using {{ ref(resolved) }} as resolved
    where
        fact.{{ key }} = resolved.{{ key }}
        and not resolved.is_loadable
        and not {{ is_past_retention(source_name, 'fact.' ~ happened_at) }}
{% endmacro %}

{# Condition: a moment lies before the end of the last month of a stream whose rows retention has
   taken out of raw, so that a row of that time may have been among them. #}
{% macro is_past_retention(source_name, moment) -%}
    {{ moment }} < (
        select
            coalesce(
                date_trunc('month', max(pruned.partition_at)) + interval '1 month', '-infinity'
            )
        from {{ source('ops', 'pipeline_file_log') }} as pruned
        where pruned.source = '{{ source_name }}' and pruned.pruned_records > 0
    )
{%- endmacro %}

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

{# New orphans go to the quarantine, but for those that a person has discarded: they stay so, however
   often their load is digested. One that stands for another raw row of the same key resolves
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
    ),

    -- By load and as a whole: a look-up for each row would read all of a load's orphans each time.
    -- `offset 0` keeps the planner from reading the whole quarantine.
    discarded as materialized (
        select
            orphan.log_id,
            orphan.row_number
        from (
            select distinct waiting.log_id
            from {{ ref(resolved) }} as waiting
            where not waiting.is_loadable and not waiting.is_removed
        ) as loads
        cross join lateral (
            select refused.*
            from {{ source('ops', 'quarantine') }} as refused
            where refused.log_id = loads.log_id
            offset 0
        ) as orphan
        where orphan.rejection_stage = 'orphan' and orphan.status = 'discarded'
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
        and not exists (
            select 1 from discarded
            where
                (discarded.log_id, discarded.row_number)
                = (resolved.log_id, resolved.row_number)
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
    insert into {{ source('ops', 'consumed_load') }} (consumer, load_id)
    select
        '{{ fact }}' as consumer,
        resolved.load_id
    from {{ ref(resolved) }} as resolved
    where resolved.load_id is not null
    on conflict (consumer, load_id) do nothing
{% endmacro %}

{% macro is_open_orphan(orphan, fact) -%}
    {{ orphan }}.source_table = '{{ fact }}'
    and {{ orphan }}.rejection_stage = 'orphan'
    and {{ orphan }}.status = 'open'
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

{# Post-hook: rows whose service level is pending, by due time, are found without a scan. dbt's
   own index setting knows no partial index. #}
{% macro index_pending(status, due_at) %}
    {%- set name = this.identifier ~ "_" ~ status ~ "_pending" %}
    create index if not exists {{ name }} on {{ this }} ({{ due_at }}) where {{ status }} = 'pending'
{% endmacro %}
