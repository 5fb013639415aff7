-- grain: one row per ticket that has events
with

events as (
    select * from {{ ref('fact_ticket_event') }}
),

steps as (
    select
        ticket_id,
        agent_id,
        event_ts,
        new_status,
        lead(event_ts) over in_order as next_event_ts,
        lag(agent_id) over in_order as previous_agent_id,
        row_number() over (partition by ticket_id order by event_ts desc, event_id desc) = 1
            as is_last,
        count(*) filter (where new_status = 'Reopened') over (
            partition by ticket_id order by event_ts desc, event_id desc
        ) as reopened_from_here
    from events
    window in_order as (partition by ticket_id order by event_ts, event_id)
),

timed as (
    select
        steps.*,
        {{ minutes_between('event_ts', 'next_event_ts') }} as minutes
    from steps
)

select
    ticket_id,
    count(*) as events,
    min(event_ts) as opened_at,
    min(event_ts) filter (
        where new_status in ('InProgress', 'Resolved', 'Closed')
    ) as first_response_at,
    min(event_ts) filter (
        where new_status in ('Resolved', 'Closed') and reopened_from_here = 0
    ) as resolved_at,
    count(*) filter (where new_status = 'Reopened') as reopen_count,
    count(*) filter (where agent_id <> previous_agent_id) as agent_changes,
    coalesce(sum(minutes) filter (where new_status = 'Open'), 0) as open_minutes,
    coalesce(sum(minutes) filter (where new_status = 'InProgress'), 0) as in_progress_minutes,
    coalesce(sum(minutes) filter (where new_status = 'Resolved'), 0) as resolved_minutes,
    coalesce(sum(minutes) filter (where new_status = 'Closed'), 0) as closed_minutes,
    coalesce(sum(minutes) filter (where new_status = 'Reopened'), 0) as reopened_minutes,
    max(new_status) filter (where is_last) as last_status,
    max(event_ts) as last_event_at
from timed
group by ticket_id
