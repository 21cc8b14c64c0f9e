namespace WirePS.Relay;

/// <summary>A trouble with a relay that may pass: it is tried again until the deadline of what was to be done.</summary>
public sealed class RelayException : WireException
{
    /// <summary>Creates the failure.</summary>
    /// <param name="reason">One of the relay reasons.</param>
    /// <param name="message">What happened.</param>
    /// <param name="url">The relay.</param>
    /// <param name="retryAfter">How long the relay asks to be left alone; null where it does not say.</param>
    /// <param name="inner">The cause.</param>
    public RelayException(WireReason reason, string message, string url, TimeSpan? retryAfter = null, Exception? inner = null)
        : base(reason, message, url, inner)
    {
        RetryAfter = retryAfter;
    }

    /// <summary>How long the relay asks to be left alone; null where it does not say.</summary>
    public TimeSpan? RetryAfter { get; }
}
