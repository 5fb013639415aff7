-- grain: one row per customer, the newest valid version
select distinct on (customer_id)
    customer_id,
    full_name,
    email_hash,
    phone_hash,
    region_id,
    segment_id,
    signup_date,
    gender,
    created_at,
    updated_at,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'customers') }}
order by customer_id asc, _partition_at desc, _source_file asc
