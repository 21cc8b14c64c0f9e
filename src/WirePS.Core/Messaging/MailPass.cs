using WirePS.Devices;
using WirePS.Relay;

namespace WirePS.Messaging;

/// <summary>What a pass over mailboxes and outbox did.</summary>
/// <param name="Taken">What became of the events that had come.</param>
/// <param name="Deliveries">What became of those that were on their way.</param>
public sealed record MailPassReport(IntakeReport Taken, IReadOnlyList<Delivery> Deliveries);

/// <summary>One pass over the mailboxes and the outbox of a home; what one relay's trouble keeps from being done does not stop the rest.</summary>
/// <param name="mailboxes">The mailboxes.</param>
/// <param name="reader">Reads them.</param>
/// <param name="intake">Takes events.</param>
/// <param name="links">Keeps the machines of peers in reach.</param>
/// <param name="sender">Delivers events.</param>
public sealed class MailPass(MailboxBook mailboxes, MailboxReader reader, EventIntake intake, MachineLinks links, OutboxSender sender)
{
    /// <summary>Makes the pass.</summary>
    /// <param name="trouble">Takes each failure.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<MailPassReport> RunAsync(Action<WireException> trouble, CancellationToken cancellationToken)
    {
        var taken = await ReadAsync(trouble, cancellationToken).ConfigureAwait(false);

        // After the cards that came, and before what is to be said about them goes.
        await TryAsync(() => links.RunAsync(cancellationToken), trouble).ConfigureAwait(false);

        // Last: what came may have given answers to send.
        IReadOnlyList<Delivery> deliveries = [];
        await TryAsync(async () => deliveries = await sender.RunAsync(static _ => true, trouble, cancellationToken).ConfigureAwait(false), trouble).ConfigureAwait(false);
        foreach (var waiting in deliveries)
        {
            if (waiting.Trouble is not null)
            {
                trouble(waiting.Trouble);
            }
        }

        return new MailPassReport(taken, deliveries);
    }

    /// <summary>Reads the mailboxes only.</summary>
    /// <param name="trouble">Takes each failure.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IntakeReport> ReadAsync(Action<WireException> trouble, CancellationToken cancellationToken)
    {
        var taken = IntakeReport.Nothing;
        await TryAsync(async () => taken = taken.Plus(await intake.TakeParkedAsync(cancellationToken).ConfigureAwait(false)), trouble).ConfigureAwait(false);
        await TryAsync(async () =>
        {
            foreach (var mailbox in mailboxes.List())
            {
                await TryAsync(async () => taken = taken.Plus(await ReadOneAsync(mailbox).ConfigureAwait(false)), trouble).ConfigureAwait(false);
            }
        }, trouble).ConfigureAwait(false);
        return taken;

        async Task<IntakeReport> ReadOneAsync(Mailbox mailbox)
        {
            var read = await reader.ReadAsync(mailbox, isFirst: true, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            if (read.Dropped > 0)
            {
                trouble(Dropped(mailbox, read.Dropped));
            }

            return read.Report;
        }
    }

    private static async Task TryAsync(Func<Task> work, Action<WireException> trouble)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (WireException error)
        {
            trouble(error);
        }
    }

    /// <summary>The trouble with a relay that has dropped what was not read yet.</summary>
    internal static WireException Dropped(Mailbox mailbox, long count) =>
        new(WireReason.EventsDropped, $"The relay {mailbox.RelayUrl} has dropped {count} events that were not read here.", mailbox.RelayUrl);
}
