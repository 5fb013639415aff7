-- grain: one row per order
{{
    config(
        unique_key='order_id',
        indexes=[
            {'columns': ['date_key']},
            {'columns': ['customer_id']},
            {'columns': ['restaurant_id']},
            {'columns': ['driver_id']},
            {'columns': ['region_id']},
            {'columns': ['order_status']},
            {'columns': ['_loaded_at']},
            {'columns': ['_load_id']},
        ],
        post_hook=fact_hooks('fact_order', 'int_orders_resolved', 'order_id'),
    )
}}

select
    order_id,
    customer_id,
    restaurant_id,
    driver_id,
    region_id,
    date_key,
    time_key,
    order_status,
    payment_method,
    created_at,
    delivered_at,
    order_amount,
    delivery_fee,
    discount_amount,
    total_amount,
    _partition_at,
    _load_id,
    _pruned_at,
    now() as _loaded_at
from {{ ref('int_orders_resolved') }}
where is_loadable
