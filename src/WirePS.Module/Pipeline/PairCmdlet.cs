using System.Management.Automation;
using WirePS.Cryptography;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Pairing;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that gives out pairings.</summary>
public abstract class PairCmdlet : WireCmdlet
{
    private readonly Dictionary<WireEngine, string?> _defaultRelays = [];

    /// <summary>A pairing of the home that the current input names, as an object.</summary>
    protected WirePendingPair Show(PendingPair pair) => Show(pair, Engine);

    /// <summary>A pairing as an object.</summary>
    protected WirePendingPair Show(PendingPair pair, WireEngine engine)
    {
        if (!_defaultRelays.TryGetValue(engine, out var relay))
        {
            _defaultRelays[engine] = relay = engine.Settings.DefaultRelay();
        }

        return WirePendingPair.Of(pair, engine.Home.Root, relay, PairWords.PeerKeyOf(pair, engine));
    }

    /// <summary>
    /// The files of pairings that patterns name, by code or id. A file that cannot be read is among them where a pattern
    /// fits its name.
    /// </summary>
    /// <param name="codes">Codes, as people type them, or wildcards; null for any.</param>
    /// <param name="ids">Ids or wildcards; null for any.</param>
    protected IEnumerable<PairFile> Find(string[]? codes, string[]? ids)
    {
        if (codes is null && ids is null)
        {
            return Engine.Pairs.List();
        }

        var patterns = Array.ConvertAll(codes ?? ids!, name => new WildcardPattern(codes is null ? name : Canonical(name), WildcardOptions.IgnoreCase));
        return Engine.Pairs.List().Where(file => patterns.Any(pattern => codes is null
            ? file.Pair is { } pair && pattern.IsMatch(pair.Id)
            : pattern.IsMatch(CodeOf(file)) || pattern.IsMatch(PairWords.Code(CodeOf(file)))));
    }

    /// <summary>The files that one name stands for. <see cref="WireReason.PairNotFound"/> where it is no wildcard and names none.</summary>
    protected async Task<IReadOnlyList<PairFile>> RequireAsync(string? code, string? id)
    {
        PairFile[] found = [.. Find(code is null ? null : [code], id is null ? null : [id])];
        if (found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(code ?? id))
        {
            return found;
        }

        if (id is not null && Engine.Requests.Pending().Any(r => r.Id == id))
        {
            throw new WireException(WireReason.NotAPairing, null, id);
        }

        var ended = code is null ? [] : await Engine.RetiredCodes.FindAsync(Canonical(code), Cancellation);
        return ended.Count > 0 ? ended : throw (id is null ? new WireException(WireReason.PairNotFound, "This home has no pairing with this code.") : Missing.Of(WireReason.PairNotFound, "This home has no pairing with the id {0}.", id));
    }

    // Codes are read out and typed with spaces and in any case.
    private static string Canonical(string code)
    {
        try
        {
            return WildcardPattern.ContainsWildcardCharacters(code) ? code : PairingCode.Parse(code).Canonical;
        }
        catch (WireException)
        {
            return code;
        }
    }

    private static string CodeOf(PairFile file) =>
        file.Key.EndsWith(".guest", StringComparison.Ordinal) ? Path.GetFileNameWithoutExtension(file.Key) : file.Key;
}

/// <summary>A cmdlet that does something with pairings that are named by code, by id, or by objects in the pipeline.</summary>
public abstract class PairActionCmdlet : PairCmdlet
{
    internal const string ById = "Id";
    internal const string ByCode = "Code";

    /// <summary>The pairings, by code.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByCode, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairCodeCompleter))]
    public string[]? Code { get; set; }

    /// <summary>The pairings, by id.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairCodeCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Does it for one pairing.</summary>
    protected abstract Task ActAsync(PairFile file, PendingPair pair);

    /// <summary>Does it for something else of this id; false where the command knows nothing else, or there is none.</summary>
    protected virtual bool ActOnOther(string id) => false;

    /// <inheritdoc/>
    protected sealed override async Task ProcessAsync()
    {
        foreach (var name in Code ?? Id ?? [])
        {
            await TryAsync(async () =>
            {
                if (ParameterSetName == ById && ActOnOther(name))
                {
                    return;
                }

                foreach (var file in ParameterSetName == ByCode ? await RequireAsync(name, null) : await RequireAsync(null, name))
                {
                    await TryAsync(() => file.Pair is { } pair ? ActWhereItIsAsync(file, pair) : Task.FromException(file.Error!));
                }
            });
        }
    }

    private async Task ActWhereItIsAsync(PairFile file, PendingPair pair)
    {
        try
        {
            await ActAsync(file, pair);
        }
        catch (WireException error) when (error.Reason == WireReason.PairNotFound
            && Find(null, [pair.Id]).FirstOrDefault() is { Pair: { } moved } now && now.Key != file.Key)
        {
            // It has ended in between, and its file has got another name.
            await ActAsync(now, moved);
        }
    }
}
