-- grain: one row per driver, the newest valid version
select distinct on (driver_id)
    driver_id,
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
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'drivers') }}
order by driver_id asc, _partition_at desc, _source_file asc
