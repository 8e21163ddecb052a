"""The pages that the gateway serves at ``/console``; today one: how this process is doing."""
