-- grain: one row per version of a customer; a version is a change of its business columns
{{
    config(
        unique_key='version_key',
        indexes=[
            {'columns': ['customer_id', 'valid_from']},
            {'columns': ['_loaded_at']},
        ],
        pre_hook="{{ claim_loads('dim_customer_history', ['customers']) }}",
    )
}}

with

{{ member_versions(
    'dim_customer_history',
    'customers',
    'customer_id',
    [
        'full_name',
        'email_hash',
        'phone_hash',
        'region_id',
        'segment_id',
        'signup_date',
        'gender',
        'created_at',
    ],
) }}

select
    version_key,
    customer_id,
    full_name,
    email_hash::text as email_hash,
    phone_hash::text as phone_hash,
    region_id,
    segment_id,
    signup_date,
    gender,
    created_at,
    valid_from,
    valid_to,
    is_current,
    is_absent,
    absent_since,
    now() as _loaded_at
from history
