"""The embedding models that batos can run or reach. Nothing here is imported before a model is opened."""
