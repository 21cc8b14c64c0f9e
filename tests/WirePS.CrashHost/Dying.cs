using System.Diagnostics;
using System.Reflection;
using WirePS.Relay;
using WirePS.Relay.Storage;

namespace WirePS.CrashHost;

/// <summary>When to die: right after the N-th operation of a kind has taken effect, before anybody learns of it.</summary>
internal sealed class Death(string kind, int at)
{
    private int _count;

    public static Death Parse(string? text) =>
        text?.Split(':') is [var kind, var n] ? new Death(kind, int.Parse(n, System.Globalization.CultureInfo.InvariantCulture)) : new Death("", 0);

    public void After(string happened)
    {
        if (happened == kind && Interlocked.Increment(ref _count) == at)
        {
            // SIGKILL: no finally, no flush, no goodbye.
            Process.GetCurrentProcess().Kill();
            Thread.Sleep(Timeout.Infinite);
        }
    }
}

/// <summary>Wraps an interface so that the process dies after the N-th of the calls that count.</summary>
#pragma warning disable CA1852 // the run time makes a subtype
internal class Dying : DispatchProxy
#pragma warning restore CA1852
{
    private object? _inner;
    private Death? _death;
    private Func<MethodInfo, object?[], string?>? _kindOf;

    public static T Around<T>(T inner, Death death, Func<MethodInfo, object?[], string?> kindOf)
        where T : class
    {
        var proxy = Create<T, Dying>();
        var dying = (Dying)(object)proxy;
        (dying._inner, dying._death, dying._kindOf) = (inner, death, kindOf);
        return proxy;
    }

    /// <summary>What a relay stores counts.</summary>
    public static string? IsRelayWrite(MethodInfo method, object?[] args) =>
        method.Name is nameof(IRelayStore.CreateSlotAsync) or nameof(IRelayStore.PostEventAsync) or nameof(IRelayStore.AckEventsAsync) or nameof(IRelayStore.OpenPairAsync) or nameof(IRelayStore.PostBootstrapAsync) or nameof(IRelayStore.PutGrantAsync)
            or nameof(IRelayStore.RevokeGrantAsync) or nameof(IRelayStore.PutPairMessageAsync) or nameof(IRelayStore.LeavePairAsync) or nameof(IRelayStore.FinishPairAsync) or nameof(IRelayStore.AbandonPairAsync)
            ? "write" : null;

    /// <summary>Every request but a wait counts.</summary>
    public static string? IsSend(MethodInfo method, object?[] args) =>
        method.Name.EndsWith("Async", StringComparison.Ordinal) && method.Name is not (nameof(IV1PairRoutes.ReadAsync) or nameof(IV2PairRoutes.WaitAnyAsync)) ? "send" : null;

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        object? result;
        try
        {
            result = targetMethod!.Invoke(_inner, args);
        }
        catch (TargetInvocationException error)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }

        if (_kindOf!(targetMethod, args!) is { } kind)
        {
            if (result is not Task task)
            {
                _death!.After(kind);
            }
            else
            {
                // The reply exists now; nobody has read it.
                var gate = typeof(Dying).GetMethod(targetMethod.ReturnType.IsGenericType ? nameof(WithResultAsync) : nameof(PlainAsync), BindingFlags.NonPublic | BindingFlags.Instance)!;
                return (targetMethod.ReturnType.IsGenericType ? gate.MakeGenericMethod(targetMethod.ReturnType.GetGenericArguments()[0]) : gate).Invoke(this, [task, kind]);
            }
        }

        return result;
    }

    private async Task PlainAsync(Task task, string kind)
    {
        await task;
        _death!.After(kind);
    }

    private async Task<T> WithResultAsync<T>(Task<T> task, string kind)
    {
        var result = await task;
        _death!.After(kind);
        return result;
    }
}

/// <summary>Relays whose replies may be the last thing that this process sees.</summary>
internal sealed class DyingRelays(IRelayConnections inner, Death death) : IRelayConnections
{
    public IRelay To(string url) => new DyingRelay(inner.To(url), death);

    private sealed class DyingRelay(IRelay inner, Death death) : IRelay
    {
        private readonly IRelay _dying = Dying.Around(inner, death, Dying.IsSend);

        public string Url => inner.Url;

        public IV2PairRoutes V2Pairs { get; } = Dying.Around(inner.V2Pairs, death, Dying.IsSend);

        public IV1PairRoutes V1Pairs { get; } = Dying.Around(inner.V1Pairs, death, Dying.IsSend);

        public IMailRoutes Mail { get; } = Dying.Around(inner.Mail, death, Dying.IsSend);

        public IDirectoryRoutes Directory { get; } = Dying.Around(inner.Directory, death, Dying.IsSend);

        public Task CheckHealthAsync(CancellationToken cancellationToken) => _dying.CheckHealthAsync(cancellationToken);

        public Task<RelayInfo?> GetInfoAsync(CancellationToken cancellationToken) => _dying.GetInfoAsync(cancellationToken);

        public Task<Mailbox> AllocateMailboxAsync(CancellationToken cancellationToken) => _dying.AllocateMailboxAsync(cancellationToken);

        public Task<bool> PutGrantAsync(Mailbox mailbox, Grant grant, CancellationToken cancellationToken) => _dying.PutGrantAsync(mailbox, grant, cancellationToken);

        public Task RevokeGrantAsync(Mailbox mailbox, string grantId, CancellationToken cancellationToken) => _dying.RevokeGrantAsync(mailbox, grantId, cancellationToken);
    }
}
