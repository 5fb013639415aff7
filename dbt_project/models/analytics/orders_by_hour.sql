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
    {{ order_measures('orders') }}
from orders
inner join dates on orders.date_key = dates.date_key
inner join times on orders.time_key = times.time_key
group by dates.full_date, times.hour, times.shift
