using WirePS.Devices;
using WirePS.Invites;
using WirePS.Module.Output;

namespace WirePS.Module.Pipeline;

/// <summary>A kind of what a home issues to let others in: how it is listed, named, shown and removed.</summary>
/// <typeparam name="T">One of them.</typeparam>
internal abstract class IssuedKind<T>
{
    /// <summary>What a person is asked before one is removed.</summary>
    internal abstract string Removal { get; }

    /// <summary>All of a home.</summary>
    /// <param name="engine">The home.</param>
    /// <param name="unreadable">Takes the trouble with each file that cannot be read.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal abstract Task<IReadOnlyList<T>> ListAsync(WireEngine engine, Action<WireException> unreadable, CancellationToken cancellationToken);

    /// <summary>What people name one by.</summary>
    internal abstract (string Id, string? Label) NamesOf(T item);

    /// <summary>The error for a name that none has.</summary>
    internal abstract WireException NotFound(string name);

    /// <summary>One as the person sees it who is asked whether it is to go.</summary>
    internal abstract string SubjectOf(T item);

    /// <summary>Removes one; null where it is gone already.</summary>
    internal abstract Task<T?> RemoveAsync(WireEngine engine, T item, CancellationToken cancellationToken);

    /// <summary>What a person must know about one that was removed; null for nothing.</summary>
    internal virtual string? WarningAfter(T removed) => null;

    /// <summary>One as cmdlets give it out.</summary>
    internal abstract object Show(T item, WireEngine engine);
}

/// <summary>Invites (wireps.md §6).</summary>
internal sealed class InviteKind : IssuedKind<IssuedInvite>
{
    internal override string Removal => "Take the invite back";

    internal override Task<IReadOnlyList<IssuedInvite>> ListAsync(WireEngine engine, Action<WireException> unreadable, CancellationToken cancellationToken) =>
        Task.FromResult(engine.Invites.List(unreadable));

    internal override (string Id, string? Label) NamesOf(IssuedInvite item) => (item.InviteId, item.Label);

    internal override WireException NotFound(string name) => Missing.Of(WireReason.InviteNotFound, "This home has issued no invite {0}.", name);

    internal override string SubjectOf(IssuedInvite item) => item.ToString();

    internal override Task<IssuedInvite?> RemoveAsync(WireEngine engine, IssuedInvite item, CancellationToken cancellationToken) =>
        engine.Invites.RemoveAsync(item.InviteId, cancellationToken);

    internal override object Show(IssuedInvite item, WireEngine engine) => WireInvite.Of(item, engine);
}

/// <summary>Pair tokens (wireps.md §7).</summary>
internal sealed class PairTokenKind : IssuedKind<PairTokenInfo>
{
    internal override string Removal => "Remove pair token";

    internal override Task<IReadOnlyList<PairTokenInfo>> ListAsync(WireEngine engine, Action<WireException> unreadable, CancellationToken cancellationToken) =>
        engine.PairTokens.ListAsync(cancellationToken);

    internal override (string Id, string? Label) NamesOf(PairTokenInfo item) => (item.TokenHash, item.Label);

    internal override WireException NotFound(string name) => Missing.Of(WireReason.TokenNotFound, "This home has no pair token {0}.", name);

    internal override string SubjectOf(PairTokenInfo item) => item.Label ?? item.TokenHash;

    internal override async Task<PairTokenInfo?> RemoveAsync(WireEngine engine, PairTokenInfo item, CancellationToken cancellationToken) =>
        await engine.DeviceOperations.RemoveTokenAsync(item.TokenHash, cancellationToken);

    internal override string? WarningAfter(PairTokenInfo removed) =>
        removed is { State: PairTokenState.Reserved or PairTokenState.Used, DeviceDid: { } did } ? DeviceWords.StaysAdded(did) : null;

    internal override object Show(PairTokenInfo item, WireEngine engine) => WirePairToken.Of(item, engine);
}
