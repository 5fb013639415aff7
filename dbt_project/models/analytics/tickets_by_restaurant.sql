-- grain: one row per restaurant that has tickets; restaurant_id is null for tickets without
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

restaurants as (
    select * from {{ ref('dim_restaurant') }}
),

by_restaurant as (
    select
        restaurant_id,
        {{ ticket_measures() }}
    from tickets
    group by restaurant_id
)

select
    by_restaurant.restaurant_id,
    restaurants.restaurant_name,
    restaurants.region_id,
    {{ ticket_measure_columns('by_restaurant') }}
from by_restaurant
left join restaurants on by_restaurant.restaurant_id = restaurants.restaurant_id
