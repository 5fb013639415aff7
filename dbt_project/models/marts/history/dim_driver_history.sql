-- grain: one row per version of a driver; a version is a change of its business columns
{{
    config(
        unique_key='version_key',
        indexes=[
            {'columns': ['driver_id', 'valid_from']},
            {'columns': ['_loaded_at']},
        ],
        pre_hook="{{ claim_loads('dim_driver_history', ['drivers']) }}",
    )
}}

with

{{ member_versions(
    'dim_driver_history',
    'drivers',
    'driver_id',
    [
        'driver_name',
        'driver_phone_hash',
        'national_id_hash',
        'region_id',
        'shift',
        'vehicle_type',
        'hire_date',
        'rating_avg',
        'on_time_rate',
        'cancel_rate',
        'completed_deliveries',
        'is_active',
        'created_at',
    ],
) }}

select
    version_key,
    driver_id,
    driver_name,
    driver_phone_hash::text as driver_phone_hash,
    national_id_hash::text as national_id_hash,
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
    valid_from,
    valid_to,
    is_current,
    is_absent,
    absent_since,
    now() as _loaded_at
from history
