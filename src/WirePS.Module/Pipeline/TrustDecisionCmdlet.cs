using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Binding;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that decides requests for trust, each by its id.</summary>
public abstract class TrustDecisionCmdlet : WireCmdlet
{
    /// <summary>The requests, by id; the beginning of one is enough where it fits one request alone.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TrustRequestCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Decides one.</summary>
    protected abstract Task DecideAsync(PendingRequest request);

    /// <inheritdoc/>
    protected sealed override async Task ProcessAsync()
    {
        foreach (var id in Id!)
        {
            await TryAsync(() => DecideAsync(Require(id)));
        }
    }

    private PendingRequest Require(string id)
    {
        var found = Engine.Requests.Pending().Where(p => p.Id.StartsWith(id, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count == 1 ? found[0]
            : Engine.Pairs.List().Any(f => f.Pair?.Id == id) ? throw new WireException(WireReason.NotATrustRequest, null, id)
            : throw Missing.Of(WireReason.TrustRequestNotFound, found.Count > 1 ? "More than one trust request begins with {0}." : "No trust request {0} waits in this home.", id);
    }
}
