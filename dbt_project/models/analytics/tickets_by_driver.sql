-- grain: one row per driver that has tickets; driver_id is null for tickets without
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

drivers as (
    select * from {{ ref('dim_driver') }}
),

by_driver as (
    select
        driver_id,
        {{ ticket_measures() }}
    from tickets
    group by driver_id
)

select
    by_driver.driver_id,
    drivers.driver_name,
    drivers.region_id,
    {{ ticket_measure_columns('by_driver') }}
from by_driver
left join drivers on by_driver.driver_id = drivers.driver_id
