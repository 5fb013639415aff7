-- grain: one row per order of int_order_changes, and one per load to digest (order_id is null)
{%- set fact_order = existing_mart('fact_order') %}

with

changes as (
    select * from {{ ref('int_order_changes') }}
),

newest as materialized (
    select
        changes.order_id as changed_id,
        changes.has_left_a_file,
        changes.load_id,
        changes.load_source,
        changes.load_generation,
        {{ pruned_at() }},
        shown.*
    from changes
    {{ join_versions('fact_order', fact_order, 'orders', 'order_id') }}
    -- A key of which there is no version, but that left no file, is nothing to decide about.
    where
        changes.order_id is null
        or shown.order_id is not null
        or changes.has_left_a_file
),

resolved as (
    select
        newest.*,
        newest.changed_id is not null and newest.order_id is null as is_removed,
        {{ missing_parents(foreign_keys('fact_order'), 'newest') }} as missing
    from newest
    {{ join_parents(foreign_keys('fact_order'), 'newest') }}
)

select
    changed_id as order_id,
    customer_id,
    restaurant_id,
    driver_id,
    region_id,
    {{ date_key('created_at') }} as date_key,
    {{ time_key('created_at') }} as time_key,
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
    has_left_a_file,
    has_left_a_file and not is_in_raw as is_kept,
    is_removed,
    order_id is not null and missing = '[]' as is_loadable,
    missing,
    _load_id as log_id,
    _source_file as source_file,
    _row_number as row_number,
    _run_id as run_id,
    case when missing <> '[]' then jsonb_build_object(
        'order_id', order_id,
        'customer_id', customer_id,
        'restaurant_id', restaurant_id,
        'driver_id', driver_id,
        'region_id', region_id,
        'order_amount', order_amount,
        'delivery_fee', delivery_fee,
        'discount_amount', discount_amount,
        'total_amount', total_amount,
        'order_status', order_status,
        'payment_method', payment_method,
        'order_created_at', created_at::text,
        'delivered_at', delivered_at::text
    ) end as raw_data,
    load_id,
    load_source,
    load_generation
from resolved
