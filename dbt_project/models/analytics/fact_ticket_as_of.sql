-- grain: one row per ticket, with its customer and agent as they were when it was opened
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

customers as (
    select * from {{ ref('dim_customer_history') }}
),

agents as (
    select * from {{ ref('dim_agent_history') }}
)

select
    tickets.ticket_id,
    tickets.created_at,
    tickets.status,
    tickets.order_id,
    tickets.refund_amount,
    tickets.sla_response_status,
    tickets.sla_resolution_status,
    tickets.customer_id,
    customers.version_key as customer_version,
    customers.segment_id as customer_segment_id,
    tickets.agent_id,
    agents.version_key as agent_version,
    agents.team_id as agent_team_id,
    agents.skill_level as agent_skill_level
from tickets
left join customers
    on
        tickets.customer_id = customers.customer_id
        and {{ is_valid_at('customers', 'tickets.created_at') }}
left join agents
    on
        tickets.agent_id = agents.agent_id
        and {{ is_valid_at('agents', 'tickets.created_at') }}
