-- grain: one row per day on which orders were placed; refunds count on the day of their order
with

orders as (
    select * from {{ ref('fact_order') }}
),

tickets as (
    select * from {{ ref('fact_ticket') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

refunds as (
    select
        order_id,
        sum(refund_amount) as refund_amount
    from tickets
    where refund_amount > 0
    group by order_id
),

by_day as (
    select
        orders.date_key,
        count(*) as orders,
        sum(orders.order_amount + orders.delivery_fee) as gross_amount,
        sum(orders.discount_amount) as discount_amount,
        coalesce(sum(refunds.refund_amount), 0) as refund_amount,
        count(refunds.order_id) as refunded_orders,
        coalesce(
            sum(orders.total_amount) filter (where refunds.order_id is not null), 0
        ) as revenue_at_risk
    from orders
    left join refunds on orders.order_id = refunds.order_id
    group by orders.date_key
)

select
    dates.full_date,
    by_day.orders,
    by_day.gross_amount,
    by_day.discount_amount,
    by_day.refund_amount,
    by_day.gross_amount - by_day.discount_amount - by_day.refund_amount as net_amount,
    by_day.refunded_orders,
    by_day.revenue_at_risk
from by_day
inner join dates on by_day.date_key = dates.date_key
