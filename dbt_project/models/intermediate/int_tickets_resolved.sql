-- grain: one row per ticket of int_ticket_changes, and one per load to digest (ticket_id is null)
with

changes as (
    select * from {{ ref('int_ticket_changes') }}
),

newest as materialized (
    select
        changes.ticket_id as changed_id,
        changes.has_left_a_file,
        changes.load_id,
        changes.load_source,
        tickets.*
    from changes
    left join lateral (
        {{ newest_version('tickets', 'ticket_id', 'changes.ticket_id') }}
    ) as tickets on true
    -- A key of which raw holds no row, but that left no file, is past the retention of raw: the
    -- fact stays as it is.
    where
        changes.ticket_id is null
        or tickets.ticket_id is not null
        or changes.has_left_a_file
),

withdrawn_events as (
    select withdrawn.key as event_id
    from changes
    inner join {{ source('ops', 'removed_key') }} as withdrawn
        on changes.load_id = withdrawn.load_id
    where withdrawn.source = 'ticket_events'
),

resolved as (
    select
        newest.*,
        parent_order_id.region_id,
        {%- set fact_ticket = existing_mart('fact_ticket') %}
        {%- if fact_ticket %}
        coalesce(reopening.event_id, retained.event_id) as _reopened_by,
        {%- else %}
        reopening.event_id as _reopened_by,
        {%- endif %}
        newest.changed_id is not null and newest.ticket_id is null as is_removed,
        {{ missing_parents(foreign_keys('fact_ticket'), 'newest') }} as missing
    from newest
    {{ join_parents(foreign_keys('fact_ticket'), 'newest') }}
    left join lateral (
        select min(events.event_id)::varchar(36) as event_id
        from {{ source('raw', 'ticket_events') }} as loaded
        inner join lateral (
            {{ newest_version('ticket_events', 'event_id', 'loaded.event_id') }}
        ) as events on true
        where
            loaded.ticket_id = newest.ticket_id
            and loaded.new_status = 'Reopened'
            and events.ticket_id = newest.ticket_id
            and events.new_status = 'Reopened'
    ) as reopening on true
    {%- if fact_ticket %}
    -- An event that reopened the ticket and is past the retention of raw still counts.
    left join lateral (
        select known._reopened_by as event_id
        from {{ fact_ticket }} as known
        where
            known.ticket_id = newest.ticket_id
            and known._reopened_by not in (
                select withdrawn_events.event_id from withdrawn_events
            )
            and not exists (
                select 1 from {{ source('raw', 'ticket_events') }} as loaded
                where loaded.event_id = known._reopened_by
            )
    ) as retained on true
    {%- endif %}
)

select
    changed_id as ticket_id,
    order_id,
    customer_id,
    region_id,
    restaurant_id,
    driver_id,
    agent_id,
    reason_id,
    priority_id,
    channel_id,
    {{ date_key('created_at') }} as date_key,
    {{ time_key('created_at') }} as time_key,
    status,
    refund_amount,
    created_at,
    first_response_at,
    resolved_at,
    sla_first_due_at,
    sla_resolve_due_at,
    {{ minutes_between('created_at', 'first_response_at') }} as first_response_min,
    {{ minutes_between('created_at', 'resolved_at') }} as resolution_min,
    {{ sla_breached('first_response_at', 'sla_first_due_at') }} as sla_response_breached,
    {{ sla_breached('resolved_at', 'sla_resolve_due_at') }} as sla_resolution_breached,
    {{ sla_status('first_response_at', 'sla_first_due_at') }} as sla_response_status,
    {{ sla_status('resolved_at', 'sla_resolve_due_at') }} as sla_resolution_status,
    status = 'Reopened' or _reopened_by is not null as reopened,
    _reopened_by,
    is_removed,
    ticket_id is not null and missing = '[]' as is_loadable,
    missing,
    _load_id as log_id,
    _source_file as source_file,
    _row_number as row_number,
    _run_id as run_id,
    case when missing <> '[]' then jsonb_build_object(
        'ticket_id', ticket_id,
        'order_id', order_id,
        'customer_id', customer_id,
        'driver_id', driver_id,
        'restaurant_id', restaurant_id,
        'agent_id', agent_id,
        'reason_id', reason_id,
        'priority_id', priority_id,
        'channel_id', channel_id,
        'status', status,
        'refund_amount', refund_amount,
        'created_at', created_at::text,
        'first_response_at', first_response_at::text,
        'resolved_at', resolved_at::text,
        'sla_first_due_at', sla_first_due_at::text,
        'sla_resolve_due_at', sla_resolve_due_at::text
    ) end as raw_data,
    load_id,
    load_source
from resolved
