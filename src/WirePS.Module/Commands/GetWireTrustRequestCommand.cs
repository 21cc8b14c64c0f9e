using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists requests for trust.</summary>
[Cmdlet(VerbsCommon.Get, "WireTrustRequest")]
[OutputType(typeof(WireTrustRequest))]
public sealed class GetWireTrustRequestCommand : WireCmdlet
{
    /// <summary>The requests, by id.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TrustRequestCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Only those that came here, or only those that went from here.</summary>
    [Parameter]
    [ValidateSet("Received", "Sent")]
    public string? Direction { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        WireTrustRequest[] all =
        [
            .. engine.Requests.Pending().Select(r => WireTrustRequest.Of(r, engine)),
            .. engine.Requests.Outgoing().Select(r => WireTrustRequest.Of(r, engine)),
        ];
        var wanted = all.Where(r => Direction is null || string.Equals(r.Direction, Direction, StringComparison.OrdinalIgnoreCase)).ToList();
        if (engine.Requests.Displaced() is > 0 and var displaced)
        {
            WriteVerbose($"{displaced} requests of strangers had to make room for others.");
        }

        foreach (var name in Id ?? ["*"])
        {
            await TryAsync(() =>
            {
                var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
                var found = wanted.FindAll(r => pattern.IsMatch(r.Id));
                if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
                {
                    throw Missing.Of(WireReason.TrustRequestNotFound, "This home has no trust request {0}.", name);
                }

                WriteObject(found, enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }
}
