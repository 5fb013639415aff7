-- grain: one row per agent and day of creation of the tickets
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

agents as (
    select * from {{ ref('dim_agent') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

by_agent_day as (
    select
        agent_id,
        date_key,
        count(*) as tickets,
        count(*) filter (where sla_response_status = 'met') as responses_met,
        count(*) filter (where sla_response_status = 'breached') as responses_breached,
        count(*) filter (where sla_response_status = 'pending') as responses_pending,
        count(*) filter (where sla_resolution_status = 'met') as resolutions_met,
        count(*) filter (where sla_resolution_status = 'breached') as resolutions_breached,
        count(*) filter (where sla_resolution_status = 'pending') as resolutions_pending
    from tickets
    where agent_id is not null
    group by agent_id, date_key
)

select
    by_agent_day.agent_id,
    agents.agent_name,
    dates.full_date,
    by_agent_day.tickets,
    by_agent_day.responses_met,
    by_agent_day.responses_breached,
    by_agent_day.responses_pending,
    round(
        by_agent_day.responses_met::numeric
        / nullif(by_agent_day.responses_met + by_agent_day.responses_breached, 0),
        4
    ) as response_compliance,
    by_agent_day.resolutions_met,
    by_agent_day.resolutions_breached,
    by_agent_day.resolutions_pending,
    round(
        by_agent_day.resolutions_met::numeric
        / nullif(by_agent_day.resolutions_met + by_agent_day.resolutions_breached, 0),
        4
    ) as resolution_compliance
from by_agent_day
inner join agents on by_agent_day.agent_id = agents.agent_id
inner join dates on by_agent_day.date_key = dates.date_key
