-- grain: one row per restaurant and hour of the day in which orders were placed
with

orders as (
    select * from {{ ref('fact_order') }}
),

restaurants as (
    select * from {{ ref('dim_restaurant') }}
),

grouped as (
    select
        orders.restaurant_id,
        orders.time_key / 100 as hour,
        {{ order_measures('orders') }}
    from orders
    group by orders.restaurant_id, orders.time_key / 100
)

select
    grouped.restaurant_id,
    restaurants.restaurant_name,
    grouped.hour,
    grouped.orders,
    grouped.delivered_orders,
    grouped.total_amount,
    grouped.average_total_amount,
    grouped.average_delivery_minutes
from grouped
inner join restaurants on grouped.restaurant_id = restaurants.restaurant_id
