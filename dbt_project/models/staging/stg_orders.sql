-- grain: one row per order, the newest valid version
select distinct on (order_id)
    order_id,
    customer_id,
    restaurant_id,
    driver_id,
    region_id,
    order_amount,
    delivery_fee,
    discount_amount,
    total_amount,
    order_status,
    payment_method,
    order_created_at as created_at,
    delivered_at,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'orders') }} as loaded
where not {{ is_discarded('loaded') }}
order by order_id asc, _partition_at desc, _source_file asc
