-- grain: one row per order, with its customer, restaurant and driver as they were then
with

orders as (
    select * from {{ ref('fact_order') }}
),

customers as (
    select * from {{ ref('dim_customer_history') }}
),

restaurants as (
    select * from {{ ref('dim_restaurant_history') }}
),

drivers as (
    select * from {{ ref('dim_driver_history') }}
)

select
    orders.order_id,
    orders.created_at,
    orders.order_status,
    orders.total_amount,
    orders.region_id,
    orders.customer_id,
    customers.version_key as customer_version,
    customers.region_id as customer_region_id,
    customers.segment_id as customer_segment_id,
    orders.restaurant_id,
    restaurants.version_key as restaurant_version,
    restaurants.category_id as restaurant_category_id,
    restaurants.price_tier as restaurant_price_tier,
    restaurants.rating_avg as restaurant_rating_avg,
    orders.driver_id,
    drivers.version_key as driver_version,
    drivers.shift as driver_shift,
    drivers.vehicle_type as driver_vehicle_type,
    drivers.rating_avg as driver_rating_avg
from orders
left join customers
    on
        orders.customer_id = customers.customer_id
        and {{ is_valid_at('customers', 'orders.created_at') }}
left join restaurants
    on
        orders.restaurant_id = restaurants.restaurant_id
        and {{ is_valid_at('restaurants', 'orders.created_at') }}
left join drivers
    on
        orders.driver_id = drivers.driver_id
        and {{ is_valid_at('drivers', 'orders.created_at') }}
