using WirePS.Relay;

namespace WirePS.Messaging;

/// <summary>What reading a mailbox gave.</summary>
/// <param name="Report">What became of the events.</param>
/// <param name="Dropped">How many events the relay has dropped before they were read here.</param>
public sealed record MailReport(IntakeReport Report, long Dropped);

/// <summary>Reads the mailboxes of this home: page by page, stored before it is acknowledged.</summary>
public sealed class MailboxReader
{
    private const int PageEvents = 500;
    private const int MostPages = 200;

    private readonly IRelayConnections _relays;
    private readonly MailboxBook _mailboxes;
    private readonly MailPlaces _places;
    private readonly EventIntake _intake;

    internal MailboxReader(IRelayConnections relays, MailboxBook mailboxes, MailPlaces places, EventIntake intake)
    {
        _relays = relays;
        _mailboxes = mailboxes;
        _places = places;
        _intake = intake;
    }

    /// <summary>Reads what is there; where there is nothing, waits for it.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="isFirst">True for the first time in a process: what the relay has is compared with what was read before.</param>
    /// <param name="wait">How long to wait for the first event.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RelayException">A trouble with the relay; what was read before it is stored.</exception>
    public async Task<MailReport> ReadAsync(Mailbox mailbox, bool isFirst, TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadPagesAsync(mailbox, isFirst, wait, cancellationToken).ConfigureAwait(false);
        }
        catch (RelayException error) when (error.Reason == WireReason.MailboxLost)
        {
            await _mailboxes.MarkLostAsync(mailbox, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<MailReport> ReadPagesAsync(Mailbox mailbox, bool isFirst, TimeSpan wait, CancellationToken cancellationToken)
    {
        var relay = _relays.To(mailbox.RelayUrl).Mail;
        var place = _places.Of(mailbox);
        if (isFirst && place != default && !await relay.AckAsync(mailbox, place, cancellationToken).ConfigureAwait(false))
        {
            // A relay restored from a backup uses numbers again. What it gives a second time is known by its id.
            await _places.SetAsync(mailbox, default, cancellationToken).ConfigureAwait(false);
            place = default;
        }

        var total = IntakeReport.Nothing;
        var dropped = 0L;
        for (var pages = 0; pages < MostPages; pages++)
        {
            var page = await relay.ReadAsync(mailbox, place, PageEvents, pages == 0 ? wait : TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            if (page.Next == place && page.Items.Count == 0)
            {
                break;
            }

            dropped += page.Dropped;
            if (await _intake.TakePageAsync(mailbox, place, page, cancellationToken).ConfigureAwait(false) is { } report)
            {
                total = total.Plus(report);
                await relay.AckAsync(mailbox, page.Next, cancellationToken).ConfigureAwait(false);
            }

            place = _places.Of(mailbox);
            if (!page.More)
            {
                break;
            }
        }

        return new MailReport(total, dropped);
    }
}
