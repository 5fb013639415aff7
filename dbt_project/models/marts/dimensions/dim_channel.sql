-- grain: one row per channel
{{
    config(
        unique_key='channel_id',
        pre_hook="{{ claim_loads('dim_channel', ['channels']) }}",
    )
}}

with

members as (
    {{ changed_members('dim_channel', 'channels', 'channel_id') }}
)

select
    member_key as channel_id,
    channel_name,
    is_stub,
    stub_reason,
    now() as _loaded_at
from members
