-- grain: one row per customer
{{
    config(
        unique_key='customer_id',
        pre_hook="{{ claim_loads('dim_customer', ['customers']) }}",
        post_hook=dimension_hooks('dim_customer', 'customers', 'customer_id'),
    )
}}

with

members as (
    {{ changed_members('dim_customer', 'customers', 'customer_id') }}
)

select
    member_key as customer_id,
    full_name,
    email_hash,
    phone_hash,
    region_id,
    segment_id,
    signup_date,
    gender,
    created_at,
    updated_at,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
