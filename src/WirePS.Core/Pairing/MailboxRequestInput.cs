namespace WirePS.Pairing;

/// <summary>What comes back from the work of a request through a mailbox, and what every one who is asked may say.</summary>
internal abstract record MailboxRequestInput : PairInput
{
    /// <summary>There is a mailbox for the answer, and the request.</summary>
    /// <param name="Mailbox">The mailbox.</param>
    /// <param name="Body">The body of the request, compact JSON; holds what the other side is to write with.</param>
    internal sealed record Prepared(MailboxReady Mailbox, string Body) : MailboxRequestInput
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Prepared);
    }

    /// <summary>The relay holds our request.</summary>
    internal sealed record Posted : MailboxRequestInput;

    /// <summary>The relay takes nothing by this way: it was taken back, or its time is over.</summary>
    internal sealed record Stale : MailboxRequestInput;

    /// <summary>The one who was asked has refused.</summary>
    /// <param name="Reason">Why.</param>
    internal sealed record Refused(WireReason Reason) : MailboxRequestInput;
}
