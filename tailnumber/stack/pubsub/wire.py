"""The raw protobuf classes of google.pubsub.v1.

The Google client wraps every message in proto-plus, which costs about 15 us a message; the
classes underneath cost 2 us. They are generated without type stubs, so here is the one place
that says `Any`.
"""

from typing import Any, TypeAlias

from google.pubsub_v1 import types

RawMessage: TypeAlias = Any
"""An instance of one of the classes below."""

PubsubMessage = types.PubsubMessage.pb()
Topic = types.Topic.pb()
Subscription = types.Subscription.pb()

GetTopicRequest = types.GetTopicRequest.pb()
ListTopicsRequest = types.ListTopicsRequest.pb()
ListTopicsResponse = types.ListTopicsResponse.pb()
DeleteTopicRequest = types.DeleteTopicRequest.pb()
ListTopicSubscriptionsRequest = types.ListTopicSubscriptionsRequest.pb()
ListTopicSubscriptionsResponse = types.ListTopicSubscriptionsResponse.pb()
PublishRequest = types.PublishRequest.pb()
PublishResponse = types.PublishResponse.pb()

GetSubscriptionRequest = types.GetSubscriptionRequest.pb()
UpdateSubscriptionRequest = types.UpdateSubscriptionRequest.pb()
ListSubscriptionsRequest = types.ListSubscriptionsRequest.pb()
ListSubscriptionsResponse = types.ListSubscriptionsResponse.pb()
DeleteSubscriptionRequest = types.DeleteSubscriptionRequest.pb()
PullRequest = types.PullRequest.pb()
PullResponse = types.PullResponse.pb()
StreamingPullRequest = types.StreamingPullRequest.pb()
StreamingPullResponse = types.StreamingPullResponse.pb()
AcknowledgeRequest = types.AcknowledgeRequest.pb()
ModifyAckDeadlineRequest = types.ModifyAckDeadlineRequest.pb()
