using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Storage;

namespace WirePS.Module.Commands;

/// <summary>Reads the journal of a home.</summary>
[Cmdlet(VerbsCommon.Get, "WireJournal")]
[OutputType(typeof(WireJournalEntry))]
public sealed class GetWireJournalCommand : WireCmdlet
{
    /// <summary>Only entries with a greater number.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long After { get; set; }

    /// <summary>Only entries of these kinds.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    public string[]? Kind { get; set; }

    /// <summary>Only entries about these things.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    public string[]? Id { get; set; }

    /// <summary>Goes on with every new entry until it is stopped.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var entries = Wait ? Engine.Journal.FollowAsync(After, Cancellation) : Engine.Journal.Read(After).ToAsyncEnumerable();
        await foreach (var entry in entries.WithCancellation(Cancellation))
        {
            if (Fits(entry.Kind, Kind) && Fits(entry.Id, Id))
            {
                WriteObject(WireJournalEntry.Of(entry));
            }
        }
    }

    private static bool Fits(string text, string[]? patterns) =>
        patterns is null || patterns.Any(p => new WildcardPattern(p, WildcardOptions.IgnoreCase).IsMatch(text));
}
