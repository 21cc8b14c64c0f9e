using Xunit;

// Each test takes all cores by itself.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
