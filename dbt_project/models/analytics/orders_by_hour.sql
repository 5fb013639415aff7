-- grain: one row per day and hour in which orders were placed
with

orders as (
    select * from {{ ref('fact_order') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

times as (
    select * from {{ ref('dim_time') }}
)

select
    dates.full_date,
    times.hour,
    times.shift,
    count(*) as orders,
    count(*) filter (where orders.order_status = 'Delivered') as delivered_orders,
    sum(orders.total_amount) as total_amount,
    round(avg(orders.total_amount), 2) as average_total_amount,
    round(
        avg({{ minutes_between('orders.created_at', 'orders.delivered_at') }}), 2
    ) as average_delivery_minutes
from orders
inner join dates on orders.date_key = dates.date_key
inner join times on orders.time_key = times.time_key
group by dates.full_date, times.hour, times.shift
