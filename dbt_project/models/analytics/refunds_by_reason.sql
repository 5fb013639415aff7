-- grain: one row per ticket reason
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

reasons as (
    select * from {{ ref('dim_reason') }}
)

select
    reasons.reason_id,
    reasons.reason_name,
    reasons.reason_category,
    count(*) as tickets,
    count(*) filter (where tickets.refund_amount > 0) as refunded_tickets,
    coalesce(sum(tickets.refund_amount), 0) as refund_amount,
    round(
        avg(tickets.refund_amount) filter (where tickets.refund_amount > 0), 2
    ) as average_refund_amount
from tickets
inner join reasons on tickets.reason_id = reasons.reason_id
group by reasons.reason_id, reasons.reason_name, reasons.reason_category
