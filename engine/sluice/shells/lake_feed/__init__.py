"""The lake as a sink of workers: topics become segments, by partition and offset."""

from sluice.shells.lake_feed.feed import LakeFeed
from sluice.shells.lake_feed.request import FeedCounts, FeedRequest, FeedTopic

__all__ = ["FeedCounts", "FeedRequest", "FeedTopic", "LakeFeed"]
