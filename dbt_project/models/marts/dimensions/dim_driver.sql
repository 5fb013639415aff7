-- grain: one row per driver
{{
    config(
        unique_key='driver_id',
        pre_hook="{{ claim_loads('dim_driver', ['drivers']) }}",
        post_hook=dimension_hooks('dim_driver', 'drivers', 'driver_id'),
    )
}}

with

members as (
    {{ changed_members('dim_driver', 'drivers', 'driver_id') }}
)

select
    member_key as driver_id,
    driver_name,
    driver_phone_hash,
    national_id_hash,
    region_id,
    shift,
    vehicle_type,
    hire_date,
    rating_avg,
    on_time_rate,
    cancel_rate,
    completed_deliveries,
    is_active,
    created_at,
    updated_at,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
