-- grain: one row per region of the orders that have tickets
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

regions as (
    select * from {{ ref('dim_region') }}
),

by_region as (
    select
        region_id,
        {{ ticket_measures() }}
    from tickets
    group by region_id
)

select
    by_region.region_id,
    regions.region_name,
    regions.city_id,
    regions.city_name,
    {{ ticket_measure_columns('by_region') }}
from by_region
inner join regions on by_region.region_id = regions.region_id
