-- grain: one row per ticket that was answered or resolved late, or is overdue
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

agents as (
    select * from {{ ref('dim_agent') }}
),

priorities as (
    select * from {{ ref('dim_priority') }}
)

select
    tickets.ticket_id,
    tickets.agent_id,
    agents.agent_name,
    priorities.priority_code,
    tickets.status,
    tickets.created_at,
    tickets.sla_first_due_at,
    tickets.first_response_at,
    case
        when tickets.sla_response_status = 'breached'
            then
                {{ minutes_between(
                    'tickets.sla_first_due_at',
                    'coalesce(tickets.first_response_at, ' ~ business_now() ~ ')',
                ) }}
    end as response_minutes_over,
    tickets.sla_resolve_due_at,
    tickets.resolved_at,
    case
        when tickets.sla_resolution_status = 'breached'
            then
                {{ minutes_between(
                    'tickets.sla_resolve_due_at',
                    'coalesce(tickets.resolved_at, ' ~ business_now() ~ ')',
                ) }}
    end as resolution_minutes_over
from tickets
left join agents on tickets.agent_id = agents.agent_id
left join priorities on tickets.priority_id = priorities.priority_id
where tickets.sla_response_status = 'breached' or tickets.sla_resolution_status = 'breached'
