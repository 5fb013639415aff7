-- grain: one row per ticket
with

tickets as (
    select * from {{ ref('fact_ticket') }}
)

select
    ticket_id,
    agent_id,
    created_at,
    first_response_at,
    sla_first_due_at,
    resolved_at,
    sla_resolve_due_at,
    not sla_response_breached as is_first_response_met,
    not sla_resolution_breached as is_resolution_met
from tickets
