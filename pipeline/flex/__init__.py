"""The Flex Template of the pipeline on Dataflow: what a launch may say, and what it starts."""
