using System.Collections.Concurrent;

namespace WirePS.Module.Pipeline;

/// <summary>
/// Runs an asynchronous operation for a thread that has to stay: the work goes on elsewhere, and whatever follows an
/// await comes back through a queue to the thread that waits here. PowerShell lets only its pipeline thread write
/// objects, errors, progress and prompts, so cmdlets may simply do so after an await.
/// </summary>
internal sealed class PipelinePump : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _queue = [];

    private PipelinePump()
    {
    }

    /// <summary>Runs the operation to its end on the calling thread; its exception is thrown as it was.</summary>
    internal static void Run(Func<Task> operation)
    {
        var before = Current;
        var pump = new PipelinePump();
        SetSynchronizationContext(pump);
        try
        {
            var task = operation();
            if (!task.IsCompleted)
            {
                task.ContinueWith(static (_, queue) => ((PipelinePump)queue!)._queue.CompleteAdding(), pump, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
                foreach (var (callback, state) in pump._queue.GetConsumingEnumerable())
                {
                    callback(state);
                }
            }

            task.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;

    /// <inheritdoc/>
    public override void Post(SendOrPostCallback d, object? state)
    {
        try
        {
            _queue.Add((d, state));
        }
        catch (InvalidOperationException)
        {
            // The operation is over; what it left behind has nobody to come back to.
            ThreadPool.QueueUserWorkItem(static work => work.Callback(work.State), (Callback: d, State: state), preferLocal: false);
        }
    }

    /// <inheritdoc/>
    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();
}
